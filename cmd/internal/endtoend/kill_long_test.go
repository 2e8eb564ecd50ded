//go:build long

package endtoend

// kills is how often the server is killed.
const kills = 300
