package endtoend

// tapSDP keeps the types of all SDP that the page exchanges.
const tapSDP = `(() => {
	const Real = WebSocket;
	window.sdp = [];
	const note = (text) => {
		const { type } = JSON.parse(text);
		if (type === 'offer' || type === 'answer') window.sdp.push(type);
	};
	window.WebSocket = class extends Real {
		constructor(...all) {
			super(...all);
			this.addEventListener('message', (event) => note(event.data));
		}
		send(text) {
			note(text);
			super.send(text);
		}
	};
})()`

// watchMoves looks at every frame that is decoded, and during a move at those that
// tiles present. widths has whose it is by its size; any other is of the other
// browser.
//
// Whether somebody was near when a frame was sent is judged by the room's messages,
// which aren't ordered with media: they may be as far apart as signal/client takes
// them to be, at most (check.Grace). When it was decoded says nothing of that: on a
// busy machine decoders are seconds behind.
const watchMoves = `((widths, other) => {
	const grace = 1000;
	const room = window.atrium.room;
	const now = () => performance.now();
	const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
	const live = (source) => [...room.tracks.values()].filter((t) => t.source === source && t.state === 'live');
	let move = {};
	window.beginMove = () => {
		move = { shown: new Set(live('camera').map((t) => t.participant)), named: new Map(), saw: new Map(), odd: [],
			told: 0, laid: 0, heard: 0, stalled: 0, drawn: 0, misnamed: [], untold: 0, watched: true };
		watchTiles();
	};
	// What shows: the frames that are presented while their tile isn't covered.
	const whose = (width, height) => widths[width + 'x' + height] ?? other;
	const list = document.getElementById('tiles'), watched = new WeakSet();
	const look = (video) => {
		watched.add(video);
		video.requestVideoFrameCallback((_, frame) => {
			if (!move.watched) return void watched.delete(video);
			look(video);
			const tile = video.parentElement, id = whose(frame.width, frame.height);
			const { participant, source, self, video: state } = tile.dataset;
			if (!tile.isConnected || tile.hidden || state !== 'live' || source !== 'camera' || self === 'true') return;
			if (id !== participant) {
				// Of before whom the tile names; or the page got to do nothing since it was told of whoever comes after.
				const from = room.tracks.get(participant + '/camera')?.rtpFrom;
				if (from != null && (frame.rtpTimestamp - from | 0) < 0) move.misnamed.push({ id, participant, at: now(), by: from - frame.rtpTimestamp | 0 });
				else move.untold++;
			} else if (move.told && move.named.has(id)) move.drawn ||= now();
		});
	};
	const watchTiles = () => {
		for (const video of list.querySelectorAll('video')) if (!watched.has(video)) look(video);
	};
	new MutationObserver(() => move.watched && watchTiles()).observe(list, { childList: true });
	beginMove();
	const setLayout = room.setLayout.bind(room);
	room.setLayout = (tiles) => {
		if (move.told) move.laid ||= now();
		setLayout(tiles);
	};
	// Who was here, from when until when.
	const stays = new Map();
	const count = () => {
		for (const id of room.participants.keys()) {
			const own = stays.get(id) ?? [];
			stays.set(id, own);
			if (own.at(-1)?.until !== Infinity) own.push({ from: now(), until: Infinity });
		}
		for (const [id, own] of stays) if (!room.participants.has(id) && own.at(-1).until === Infinity) own.at(-1).until = now();
	};
	count();
	room.on('participants', count);
	const listen = async (m, told) => {
		while (m === move && m.told === told && !m.heard) {
			await pause(20);
			for (const { track } of live('microphone')) {
				const receiver = window.pcs.at(-1).getReceivers().find((r) => r.track === track);
				const played = (receiver?.getSynchronizationSources()[0]?.timestamp ?? 0) - performance.timeOrigin;
				if (played > told) m.heard ||= played;
			}
		}
	};
	room.on('room', () => {
		count();
		Object.assign(move, { told: now(), laid: 0, heard: 0, named: new Map(), saw: new Map() });
		void listen(move, move.told);
	});
	room.on('map', () => {
		if (!move.told) return;
		for (const { participant } of live('camera')) if (!move.named.has(participant)) move.named.set(participant, now());
	});
	// When a frame was sent, at the earliest, though its decoder be far behind: by its
	// RTP timestamp, and the frame of the slot that was decoded the soonest.
	const soonest = new Map();
	const earliest = (mid, at, rtp) => {
		const took = at - rtp / 90;
		const before = soonest.get(mid) ?? took;
		soonest.set(mid, Math.abs(took - before) > 600_000 ? took : Math.min(took, before)); // timestamps wrap
		return rtp / 90 + soonest.get(mid);
	};
	const decoded = (mid, id, rtp) => {
		const at = now(), sent = earliest(mid, at, rtp);
		if (!room.participants.has(id)) return void move.odd.push({ id, at, sent, under: live('camera').some((t) => t.mid === mid) });
		// Of who was shown before there may be something on its way still.
		if (!move.told || move.shown.has(id) && !move.named.has(id)) return;
		if (!move.saw.has(id)) move.saw.set(id, at);
	};
	for (const { mid, receiver, direction } of window.pcs.at(-1).getTransceivers()) {
		if (receiver.track.kind !== 'video' || direction !== 'recvonly') continue;
		const frames = new MediaStreamTrackProcessor({ track: receiver.track }).readable.getReader();
		(async () => {
			for (;;) {
				const { value, done } = await frames.read();
				if (done) return;
				decoded(mid, whose(value.displayWidth, value.displayHeight), value.metadata().rtpTimestamp);
				value.close();
			}
		})();
	}
	let beat = now();
	setInterval(() => {
		move.stalled = Math.max(move.stalled, now() - beat);
		beat = now();
	}, 10);
	window.moved = (id) => room.room.id === id && move.told > 0 && move.saw.size > 0 && move.heard > 0;
	window.reportMove = async () => {
		const m = move;
		await pause(Math.max(0, m.told + 1.5 * grace - now()));
		m.watched = false;
		// How long the frame was sent after somebody had gone, or decoded before they came.
		const away = ({ id, at, sent }) => Math.min(...(stays.get(id) ?? []).map(({ from, until }) => Math.max(from - at, sent - until)), Infinity);
		const shown = live('camera').map((t) => t.participant);
		return {
			Told: m.told, Laid: m.laid, Heard: m.heard, Live: Math.min(...m.named.values(), Infinity), Seen: Math.min(...m.saw.values()),
			All: shown.every((id) => m.saw.has(id)) ? Math.max(...shown.map((id) => m.saw.get(id))) : 0,
			Strays: m.odd.filter((o) => away(o) > grace).map((o) => o.id + ' by ' + Math.round(away(o)) + ' ms'),
			Under: m.odd.filter((o) => o.under && o.at > m.told).length,
			Late: Math.max(0, ...m.odd.map((o) => o.at - m.told)),
			Stalled: m.stalled, Drawn: m.drawn,
			Misnamed: m.misnamed.map((f) => f.id + ' as ' + f.participant + ' ' + Math.round(f.at - m.told) + ' ms after the message, by ' + f.by),
			Untold: m.untold,
		};
	};
})`
