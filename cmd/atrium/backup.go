package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/server"
	"github.com/atriumrtc/atrium/configs"
	"github.com/atriumrtc/atrium/control/store"
)

func (a *app) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup --out FILE",
		Short: "Copy the data file, checked, while it is consistent",
		Long: "Copy the data file of data.dir. The copy is checked and appears under its name whole or not at all; an\n" +
			"older one of that name is replaced. To restore it, stop the server and put a copy of it in the place of\n" +
			"the data file. The keys beside the data file (keys.json) are never in it: keep them apart, since\n" +
			"names and links in a backup can be read with them only.\n\n" +
			"A server that is running with data.dir makes it while it serves; else the data file is opened.",
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	out := cmd.Flags().String("out", "", "path of the backup, such as atrium.backup")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *out == "" {
			return errors.New("backup: name the file to make: `atrium backup --out FILE`")
		}
		return does(func(cmd *cobra.Command, _ []string) error {
			cfg, err := configs.Load(configs.Options{File: *file, Flags: cmd.Flags()})
			if err != nil {
				return err
			}
			return a.backup(cmd, cfg, *out)
		})(cmd, args)
	}
	return cmd
}

func (a *app) backup(cmd *cobra.Command, cfg configs.Config, out string) error {
	report, err := server.Backup(cmd.Context(), cfg, out)
	if err == nil {
		return a.say(out, report)
	}
	if !errors.Is(err, server.ErrNotRunning) {
		return err
	}
	path := server.DataPath(cfg)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) { // which Open would create
		return fmt.Errorf("back up %s: there is no such file; say where the data is: --data-dir, or --config FILE", path)
	}
	data, err := store.Open(path, store.Options{})
	if err != nil {
		return err
	}
	report, err = data.BackupFile(cmd.Context(), out)
	if err = errors.Join(err, data.Close()); err != nil {
		return err
	}
	return a.say(out, report)
}
