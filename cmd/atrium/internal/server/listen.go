package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"syscall"
)

// portsTried is how many ports after a busy one are tried.
const portsTried = 50

// listen opens the TCP listeners of a key's address: one, or for the host
// localhost one on each loopback address, as browsers may choose either. With
// next, a busy port gives way to the next one that is free.
func listen(key, address string, next bool) ([]net.Listener, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	first, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	last := first
	if next && first != 0 {
		last = min(first+portsTried, 65535)
	}
	for port := first; ; port++ {
		listeners, err := listenPort(host, port)
		if err == nil {
			return listeners, nil
		}
		if port == last || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, explainListen(key, address, err)
		}
	}
}

func listenPort(host string, port int) ([]net.Listener, error) {
	if host != "localhost" {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	}
	v4, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	port = portOf(v4)
	v6, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		_ = v4.Close()
		return nil, err
	}
	if err != nil { // a host without IPv6
		return []net.Listener{v4}, nil
	}
	return []net.Listener{v4, v6}, nil
}

// portOf is the port that a listener got.
func portOf(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// explainListen puts into one sentence why a socket can't be opened, and what
// to do.
func explainListen(key, address string, err error) error {
	text := fmt.Sprintf("%s: can't listen on %s (%v); set %s to an address of this host and a free port", key, address, err, key)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		text = fmt.Sprintf("%s: another program uses %s; stop it, or set %s to a free port", key, address, key)
	case errors.Is(err, os.ErrPermission):
		text = fmt.Sprintf("%s: this user may not open %s; run it by the systemd unit, which grants that, or set %s to a port above 1023", key, address, key)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		text = fmt.Sprintf("%s: this host has no address %s; set %s to one that it has, or leave the host out for all", key, address, key)
	}
	return explained{text, err}
}

// freeUDP and freeTCP return the first port, from the given one on, that is
// free at this moment. 0 and negative ports stay as they are.
// freeBoth is for a port that both need.
func freeUDP(host string, port int) int  { return firstFree(host, port, tryUDP) }
func freeTCP(host string, port int) int  { return firstFree(host, port, tryTCP) }
func freeBoth(host string, port int) int { return firstFree(host, port, tryUDP, tryTCP) }

func tryUDP(address string) error {
	c, err := net.ListenPacket("udp", address)
	if err == nil {
		err = c.Close()
	}
	return err
}

func tryTCP(address string) error {
	l, err := net.Listen("tcp", address)
	if err == nil {
		err = l.Close()
	}
	return err
}

func firstFree(host string, port int, try ...func(address string) error) int {
	if port <= 0 {
		return port
	}
	for p := port; p <= min(port+portsTried, 65535); p++ {
		address := net.JoinHostPort(host, strconv.Itoa(p))
		busy := func(f func(string) error) bool { return errors.Is(f(address), syscall.EADDRINUSE) }
		if !slices.ContainsFunc(try, busy) {
			return p // free, or broken in a way that opening it will explain
		}
	}
	return port
}
