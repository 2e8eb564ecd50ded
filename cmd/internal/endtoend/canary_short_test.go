//go:build !long

package endtoend

// waitsForErasure says whether TestCanary waits until what guests typed is
// erased, which takes most of a minute.
const waitsForErasure = false
