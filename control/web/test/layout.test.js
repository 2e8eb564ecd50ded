import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrangeGrid, arrangePair, arrangeStage, fitGrid } from '../assets/grid.js';
import { layoutTiles, orderPeople, remember } from '../assets/order.js';
import { bothDeviceWords, endWords, hue, initials, qualityWords } from '../assets/words.js';

const SIZES = [[1280, 640], [390, 700], [320, 420], [844, 300], [1920, 980], [200, 200]];

test('tiles never overlap, leave the area or lose their shape', () => {
  for (const [width, height] of SIZES) {
    for (let count = 1; count <= 61; count++) {
      for (const plan of [arrangeGrid(count, width, height, 8), arrangeStage(count, width, height, 8)]) {
        assert.equal(plan.rects.length + plan.hidden, count);
        const all = plan.more ? [...plan.rects, plan.more] : plan.rects;
        all.forEach((a, i) => {
          assert.ok(a.width > 20 && a.height > 20, `${count} in ${width}×${height}: ${JSON.stringify(a)}`);
          assert.ok(a.x >= -0.5 && a.x + a.width <= width + 0.5 && a.y >= -0.5 && a.y + a.height <= plan.contentHeight + 0.5,
            `${count} in ${width}×${height} leaves the area: ${JSON.stringify(a)}`);
          for (const b of all.slice(i + 1)) {
            const apart = a.x + a.width <= b.x + 0.5 || b.x + b.width <= a.x + 0.5 || a.y + a.height <= b.y + 0.5 || b.y + b.height <= a.y + 0.5;
            assert.ok(apart, `${count} in ${width}×${height}: ${JSON.stringify([a, b])}`);
          }
        });
      }
    }
  }
});

test('the grid takes the columns that make the largest tiles', () => {
  assert.deepEqual([fitGrid(1, 1280, 720, 8).columns, fitGrid(4, 1280, 720, 8).columns, fitGrid(9, 1280, 720, 8).columns], [1, 2, 3]);
  assert.equal(fitGrid(2, 390, 700, 8).columns, 1);
  assert.equal(arrangeGrid(25, 1280, 660, 8).contentHeight, 660, '25 fit a desktop window without scrolling');
  const many = arrangeGrid(61, 390, 700, 8);
  assert.ok(many.contentHeight > 700 && many.rects[0].width >= 112 && many.fitting < 61);
});

test('our own picture stays inside the other’s', () => {
  const [other, own] = arrangePair(390, 700, 8).rects;
  assert.deepEqual(other, { x: 0, y: 0, width: 390, height: 700 });
  assert.ok(own.x > 200 && own.y > 400 && own.x + own.width < 390 && own.y + own.height < 700);
});

test('people keep their places; newcomers come after, we are last', () => {
  assert.deepEqual(orderPeople([], ['a', 'me', 'b'], 'me', [], 9), ['a', 'b', 'me']);
  assert.deepEqual(orderPeople(['b', 'a', 'me'], ['a', 'me', 'b', 'c'], 'me', [], 9), ['b', 'a', 'c', 'me']);
  assert.deepEqual(orderPeople(['b', 'a'], ['a', 'me'], '', [], 9), ['a', 'me']);
});

test('who speaks out of sight takes the place of somebody silent, once', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  const first = orderPeople([], ids, '', ['f'], 4);
  assert.deepEqual(first, ['a', 'b', 'c', 'f', 'e', 'd']);
  assert.deepEqual(orderPeople(first, ids, '', ['f'], 4), first, 'and stays there');
  assert.deepEqual(orderPeople(first, ids, '', ['a', 'f'], 4), first, 'who is in sight stays');
});

test('remembers who spoke, latest first', () => {
  assert.deepEqual(remember(['a', 'b'], ['b', 'c'], 3), ['b', 'c', 'a']);
  assert.deepEqual(remember(['a', 'b'], ['c'], 2), ['c', 'a']);
});

test('the layout has what is in sight, in device pixels', () => {
  const rect = (y) => ({ x: 0, y, width: 100.4, height: 50 });
  const shown = [0, 100, 400].map((y, i) => ({ participant: `p${i}`, source: 'camera', rect: rect(y), large: i === 0 }));
  assert.deepEqual(layoutTiles(shown, { top: 0, height: 120, ratio: 2 }), [
    { participant: 'p0', source: 'camera', width: 201, height: 100, priority: 100 },
    { participant: 'p1', source: 'camera', width: 201, height: 100, priority: 10 },
  ]);
  assert.deepEqual(layoutTiles(shown, { top: 300, height: 120, ratio: 1 }).map((t) => t.participant), ['p2']);
});

test('words for people', () => {
  assert.equal(qualityWords({ score: 'poor', reason: 'upload' }, false), 'Their upload is very weak');
  assert.equal(qualityWords({ score: 'fair', reason: 'both' }, true), 'Your connection is weak');
  assert.equal(qualityWords({ score: 'good' }, false), '');
  assert.equal(qualityWords(undefined, false), '');
  assert.deepEqual([initials('Dr. Helen Osei'), initials('nora'), initials('  '), initials('Änne 😀x')], ['DO', 'N', '?', 'Ä😀']);
  assert.ok(hue('x') >= 0 && hue('x') < 8 && hue('x') === hue('x'));
  assert.equal(endWords('capacity').title, 'The call is full');
  for (const code of ['', 'toString', '__proto__', 'new_code']) assert.equal(endWords(code).title, 'Something went wrong');
  assert.match(bothDeviceWords('denied', 'denied'), /camera and microphone/);
  assert.equal(bothDeviceWords('', ''), '');
});
