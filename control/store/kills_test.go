//go:build !long

package store_test

const kills = 20 // of TestKill
