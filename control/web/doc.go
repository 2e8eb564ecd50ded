// Package web holds the pages of Atrium: the landing page, the page of guests'
// links (`/e#secret`), of invitations and sign-in links of staff (`/i#secret`),
// the console of staff (`/console`), the page of rooms of the API (`/r#secret`)
// and the assets and browser SDK they load, all embedded. They use nothing but
// the HTTP API and the SDK, as any other app would.
//
// Handler is the one type: an http.Handler that answers GET and HEAD for
// `/`, `/e`, `/i`, `/console`, `/r`, `/assets/*`, `/sdk/*` and `/robots.txt`,
// and 404 for everything else. A link's secret stands in the URL's fragment, so it never reaches this
// handler, a log or a Referer (R-CN-4, SE-7).
//
// Every answer carries a Content-Security-Policy without unsafe-inline
// (SE-8): scripts and styles come from files of this package only, and the
// pages build their DOM with textContent under Trusted Types, so that no name
// or chat message can become markup.
//
// The pages of guests' links (`/e`, `/r`) may be shown in a frame by the pages
// that Options.FrameAncestor allows: the answer's policy names the one that
// asks, so that no list of them is told. A frame of another site's page has no
// cookie; the guest's page proves its visit there by the visit token
// (assets/proof.js).
//
// pages/ holds the HTML (in pages/parts what several of them share, put in by
// [New]), assets/ the style sheets and ES modules. room.js,
// guest.js, invite.js and console.js are where the pages start; words.js holds every sentence people read in an
// error; picture.js keeps a tile covered until its video is of whom the tile names;
// grid.js and order.js are pure and tested under Node by `node --test
// test/` as well as in a browser by this package's tests.
package web
