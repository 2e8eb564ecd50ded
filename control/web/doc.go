// Package web holds the pages of Atrium: the landing page, the room page
// (`/r#secret`) and the assets and browser SDK they load, all embedded.
//
// Handler is the one type: an http.Handler that answers GET and HEAD for
// `/`, `/r`, `/assets/*`, `/sdk/*` and `/robots.txt`, and 404 for everything
// else. A link's secret stands in the URL's fragment, so it never reaches this
// handler, a log or a Referer (R-CN-4, SE-7).
//
// Every answer carries a Content-Security-Policy without unsafe-inline
// (SE-8): scripts and styles come from files of this package only, and the
// pages build their DOM with textContent under Trusted Types, so that no name
// or chat message can become markup.
//
// pages/ holds the HTML, assets/ the style sheets and ES modules. room.js is
// where the room page starts; words.js holds every sentence people read in an
// error; grid.js and order.js are pure and tested under Node by `node --test
// test/` as well as in a browser by this package's tests.
package web
