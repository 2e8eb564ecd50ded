// Command atrium is the server: serve for operators, dev for a first look and
// for development, config to check and print the configuration, admin to set
// it up, store and backup to check and copy its data.
//
// Exit codes: 0 clean, 1 failure, 2 usage, 78 bad configuration.
package main

import (
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // opening hours need the zones, and containers may lack them
)

func main() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	a := app{out: os.Stdout, err: os.Stderr, signals: signals}
	os.Exit(a.run(os.Args[1:]))
}
