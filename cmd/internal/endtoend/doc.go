// Package endtoend tests the built binary as its users meet it: atrium dev is
// started as a process and real browsers open the links that it prints. Group
// consultations have people of signal/client instead, who measure; two browsers
// are among them where pictures must be decoded. It holds tests only. One of them,
// of moves between rooms, has the server within its own process, so as to judge
// media apart from the API.
//
// With the build tag long come those that take minutes. ATRIUM_LONG_CALL=90s
// makes its calls, ATRIUM_LONG_JOINS=1000 its comings and goings as short as
// that, to try them out.
package endtoend
