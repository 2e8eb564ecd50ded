package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"time"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/logs"
	"github.com/atriumrtc/atrium/configs"
	"github.com/atriumrtc/atrium/control/store"
)

const (
	adminSocketFile = "admin.sock"
	// maxSocketPath is what the kernel takes as a socket's address, with the
	// zero at its end (sun_path of unix(7)).
	maxSocketPath = 107
	// backupTimeout bounds a backup: while it lasts the data file grows by
	// what is written.
	backupTimeout = 10 * time.Minute
	backupPath    = "/backup"
)

// AdminSocket returns the path of the socket by which the commands of the same
// host reach a running server.
func AdminSocket(cfg configs.Config) string { return filepath.Join(cfg.Data.Dir, adminSocketFile) }

// adminHandler serves what only whoever runs this server may do: the whole API
// as the operator, backups and profiles. The socket's file is the key.
func adminHandler(api http.Handler, data *store.Bolt, operatorKey string, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			r.Header.Set("Authorization", "Bearer "+operatorKey)
		}
		api.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET "+backupPath, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), backupTimeout)
		defer cancel()
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(backupTimeout)) // a Unix socket has one
		w.Header().Set("Content-Type", "application/octet-stream")
		if err := data.Backup(ctx, w); err != nil {
			// Too late for a status. The receiver checks what it got, and what
			// breaks off is no backup.
			log.ErrorContext(ctx, "a backup broke off", "err", err)
		}
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// listenAdmin opens the socket. The data file is locked, so that a socket that
// is there already is a dead server's.
func (s *Server) listenAdmin(handler http.Handler) error {
	path := AdminSocket(s.cfg)
	if len(path) > maxSocketPath {
		return fmt.Errorf("data.dir: its path is too long for %s in it, by %d characters; use a shorter one", adminSocketFile, len(path)-maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("data.dir: %s is in the way and can't be removed: %w", path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("data.dir: %s can't be opened: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(fmt.Errorf("data.dir: %s can't be kept from others: %w", path, err), l.Close())
	}
	s.admin.listeners = []net.Listener{l}
	s.admin.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: logs.HTTP(s.log),
	}
	s.onClose(s.admin.close) // which removes the file
	return nil
}

// AdminClient returns a client whose requests, to any host, go to a running
// server's socket.
func AdminClient(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true, // a command makes few requests
	}}
}

// AdminSocket is the path of this server's.
func (s *Server) AdminSocket() string { return AdminSocket(s.cfg) }

// ErrNotRunning: no server has the data folder open.
var ErrNotRunning = errors.New("no server is running with this data folder")

// Backup has a running server write a backup of its data, or returns
// ErrNotRunning.
func Backup(ctx context.Context, cfg configs.Config, path string) (store.Report, error) {
	client := AdminClient(AdminSocket(cfg))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://atrium"+backupPath, nil)
	if err != nil {
		return store.Report{}, err
	}
	resp, err := client.Do(req)
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
		return store.Report{}, ErrNotRunning
	}
	if err != nil {
		return store.Report{}, fmt.Errorf("ask the running server for a backup: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return store.Report{}, fmt.Errorf("ask the running server for a backup: it answered %s", resp.Status)
	}
	return store.WriteBackup(path, func(w io.Writer) error {
		_, err := io.Copy(w, resp.Body)
		return err
	})
}
