// Package terminal draws what `atrium dev` shows: a QR code made of half
// blocks, two modules a character.
package terminal
