package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/logs"
	"github.com/atriumrtc/atrium/cmd/atrium/internal/server"
	"github.com/atriumrtc/atrium/configs"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server.\n\n" +
			"The first SIGTERM or SIGINT drains: nobody new gets in, and the server ends when nobody is connected\n" +
			"any more or drain.timeout has passed. A second one ends it at once. SIGHUP reads the certificate,\n" +
			"the log level and the limits of signal, turn and api again.",
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		return a.serve(configs.Options{File: *file, Flags: cmd.Flags()})
	})
	return cmd
}

func (a *app) serve(options configs.Options) error {
	cfg, err := configs.Load(options)
	if err != nil {
		return err
	}
	if err := cfg.ValidateServe(); err != nil {
		return configs.Locate(options, err)
	}
	r := newRunner(a, cfg, options)
	s, err := server.New(server.Options{Config: cfg, Logger: r.log})
	if err != nil {
		return err
	}
	r.certificateFiles = true
	s.Start()
	r.log.Info("serving", "https", cfg.HTTP.Address, "http", cfg.HTTP.PlainAddress,
		"metrics", cfg.Metrics.Address, "udp_port", cfg.Media.UDPPort, "version", release())
	return r.run(s)
}

// runner is what serve and dev have in common: a server that runs until a
// signal ends it.
type runner struct {
	app     *app
	cfg     configs.Config
	options configs.Options // to load the configuration again
	level   *slog.LevelVar
	log     *slog.Logger
	// certificateFiles says that SIGHUP reads the certificate again.
	certificateFiles bool
}

func newRunner(a *app, cfg configs.Config, options configs.Options) *runner {
	r := &runner{app: a, cfg: cfg, options: options, level: new(slog.LevelVar)}
	r.setLevel(cfg)
	r.log = logs.New(a.err, cfg.Log.Format, r.level)
	for _, name := range configs.UnknownEnv(os.Environ()) {
		r.log.Warn("an environment variable sets nothing", "name", name)
	}
	return r
}

func (r *runner) setLevel(cfg configs.Config) {
	if level, err := cfg.Log.SlogLevel(); err == nil { // Load has validated it
		r.level.Set(level)
	}
}

// run waits for signals until the server has ended.
func (r *runner) run(s *server.Server) error {
	for {
		select {
		case sig := <-r.app.signals:
			if sig == syscall.SIGHUP {
				r.reload(s)
				continue
			}
			r.drain(s)
			return s.Close()
		case err := <-s.Failed():
			return errors.Join(err, s.Close())
		}
	}
}

// drain lets the calls end; a second signal cuts them short.
func (r *runner) drain(s *server.Server) {
	r.log.Info("draining: nobody new gets in; a second signal stops at once", "timeout", r.cfg.Drain.Timeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Drain.Timeout)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx) }()
	for {
		select {
		case sig := <-r.app.signals:
			if sig == syscall.SIGHUP {
				continue
			}
			r.log.Info("stopping at once")
			cancel()
			<-drained
			return
		case err := <-drained:
			if err != nil {
				r.log.Info("stopping: the time to drain is over")
			} else {
				r.log.Info("stopping: nobody is connected")
			}
			return
		}
	}
}

// reload reads again what may change while the server runs. What is wrong is
// logged, and the old values stay.
func (r *runner) reload(s *server.Server) {
	cfg, err := configs.Load(r.options)
	if err != nil {
		r.log.Error("the configuration was not reloaded", "err", err)
		return
	}
	if r.certificateFiles && s.Certificates() != nil {
		if err := s.Certificates().Reload(cfg.HTTP.TLSCertFile, cfg.HTTP.TLSKeyFile); err != nil {
			r.log.Error("the certificate was not reloaded", "err", err)
			return
		}
	}
	s.SetLimits(cfg)
	r.setLevel(cfg)
	r.log.Info("certificate, limits and log level were read again", "level", cfg.Log.Level)
}
