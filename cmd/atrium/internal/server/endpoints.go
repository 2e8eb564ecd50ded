package server

import (
	"context"
	"net"
	"net/http"
	"strconv"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/logs"
)

// listen opens the HTTP sockets.
func (s *Server) listen(handler http.Handler, next bool) error {
	for _, e := range []struct {
		endpoint *endpoint
		key      string
		address  string
		handler  http.Handler
	}{
		{&s.plain, "http.plain_address", s.cfg.HTTP.PlainAddress, handler},
		{&s.https, "http.address", s.cfg.HTTP.Address, handler},
		{&s.metrics, "metrics.address", s.cfg.Metrics.Address, health(s.ready, s.collector())},
	} {
		if e.address == "" {
			continue
		}
		listeners, err := listen(e.key, e.address, next)
		if err != nil {
			return err
		}
		e.endpoint.listeners = listeners
		e.endpoint.server = &http.Server{
			Handler:           e.handler,
			ReadHeaderTimeout: readHeaderTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          logs.HTTP(s.log),
		}
		if e.endpoint == &s.https {
			e.endpoint.server.TLSConfig = s.certificates.tlsConfig()
		}
		s.onClose(e.endpoint.close)
	}
	// Before those: event streams never end by themselves.
	s.onClose(func() error { s.api.EndStreams(); return nil })
	return nil
}

// close ends requests in flight, after a moment, and the sockets.
func (e *endpoint) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := e.server.Shutdown(ctx); err != nil {
		_ = e.server.Close() // what remains is cut: it had its time
	}
	for _, l := range e.listeners {
		_ = l.Close() // the server closed those that it served
	}
	return nil
}

// PlainPort, HTTPSPort and MetricsPort are the TCP ports in use; 0 when off.
func (s *Server) PlainPort() int   { return s.plain.port() }
func (s *Server) HTTPSPort() int   { return s.https.port() }
func (s *Server) MetricsPort() int { return s.metrics.port() }

// MetricsURL is the base of health and metrics; "" when they are off.
func (s *Server) MetricsURL() string {
	if len(s.metrics.listeners) == 0 {
		return ""
	}
	host, _, err := net.SplitHostPort(s.metrics.listeners[0].Addr().String())
	if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(s.MetricsPort()))
}

func (e *endpoint) port() int {
	if len(e.listeners) == 0 {
		return 0
	}
	return portOf(e.listeners[0])
}
