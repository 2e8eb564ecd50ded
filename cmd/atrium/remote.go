package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/remote"
	"github.com/atriumrtc/atrium/cmd/atrium/internal/server"
	"github.com/atriumrtc/atrium/configs"
	"github.com/atriumrtc/atrium/control/api/client"
)

// maxKeyFile is the most bytes of a file that holds a key.
const maxKeyFile = 4 << 10

// remoteFlags say which server commands speak to, and as whom.
type remoteFlags struct {
	server, keyFile, config string
	dataDir                 string
	json                    bool
}

// remoteCommands are those that speak to a running server.
func (a *app) remoteCommands() []*cobra.Command {
	f := &remoteFlags{}
	out := &remote.Printer{Out: a.out, JSON: &f.json, Failed: func(err error) error { return failure{explainRemote(err)} }}
	list := remote.Commands(func(*cobra.Command) (*client.Client, error) { return f.connect() }, out)
	for _, cmd := range list {
		f.add(cmd)
		if cmd.Name() == "key" {
			cmd.AddCommand(a.keyRotate(f))
		}
	}
	return append(list, a.auditCommand())
}

// add adds the flags to a command and those below it.
func (f *remoteFlags) add(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.server, "server", "", "address of the server, such as https://calls.example.org; without it the one that runs on this host")
	flags.StringVar(&f.keyFile, "key-file", "", "file that holds the API key (or the operator key); without it this host's server takes you for its operator")
	flags.StringVar(&f.dataDir, "data-dir", "", "data folder of the server on this host")
	flags.StringVar(&f.config, "config", "", "configuration file of the server on this host")
	flags.BoolVar(&f.json, "json", false, "print the server's answer as JSON")
}

// connect returns a client of the server that the flags name.
func (f *remoteFlags) connect() (*client.Client, error) {
	key, err := f.key()
	if err != nil {
		return nil, err
	}
	if f.server != "" {
		if key == "" {
			return nil, errors.New("--server needs a key: name the file that holds it, --key-file FILE")
		}
		return client.New(f.server, key, nil)
	}
	socket, err := f.socket()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(socket); err != nil {
		return nil, fmt.Errorf("no server runs with this data folder (there is no %s): start it, say where its data is with --data-dir, or name a server with --server", socket)
	}
	return client.New("http://localhost", key, server.AdminClient(socket))
}

// load returns the configuration of the server on this host.
func (f *remoteFlags) load() (configs.Config, error) {
	cfg, err := configs.Load(configs.Options{File: f.config})
	if err == nil && f.dataDir != "" {
		cfg.Data.Dir = f.dataDir
	}
	return cfg, err
}

func (f *remoteFlags) socket() (string, error) {
	cfg, err := f.load()
	return server.AdminSocket(cfg), err
}

func (f *remoteFlags) key() (string, error) {
	if f.keyFile == "" {
		return "", nil
	}
	data, err := os.ReadFile(f.keyFile)
	if err != nil {
		return "", fmt.Errorf("--key-file: %w", err)
	}
	key := strings.TrimSpace(string(data))
	if key == "" || len(data) > maxKeyFile || strings.ContainsAny(key, " \t\r\n") {
		return "", fmt.Errorf("--key-file: %s must hold one key and nothing else", f.keyFile)
	}
	return key, nil
}

// explainRemote adds what to do where the server's words alone don't say it.
func explainRemote(err error) error {
	refused := (*client.Error)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Status {
	case 401, 403:
		return fmt.Errorf("%w: use a key that may do this, --key-file FILE", err)
	}
	return err
}
