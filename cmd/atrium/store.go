package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/server"
	"github.com/atriumrtc/atrium/configs"
	"github.com/atriumrtc/atrium/control/store"
)

func (a *app) storeCommand() *cobra.Command {
	parent := &cobra.Command{
		Use:   "store",
		Short: "Look after the data file",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what: `atrium store check` or `atrium store check FILE`")
		},
	}
	parent.AddCommand(a.storeCheck())
	return parent
}

func (a *app) storeCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say whether a data file or a backup is sound",
		Long: "Read a whole data file or backup, that of data.dir if none is given, and say whether it holds what\n" +
			"was written: its structure, each record's checksum, and that none is missing. It alters nothing.\n\n" +
			"The file of a running server can't be checked: make a backup of it, which is checked as it is written.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return errors.New("store check: give one file, or none for that of data.dir")
			}
			return nil
		},
	}
	file := configFlag(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		path := ""
		if len(args) == 1 {
			path = args[0]
		} else {
			cfg, err := configs.Load(configs.Options{File: *file, Flags: cmd.Flags()})
			if err != nil {
				return err
			}
			path = server.DataPath(cfg)
		}
		report, err := store.Check(path)
		if err != nil {
			return err
		}
		return a.say(path, report)
	})
	return cmd
}

// say prints what a sound file holds.
func (a *app) say(path string, r store.Report) error {
	_, err := fmt.Fprintf(a.out, "%s: sound: %d records of %d bytes in all; the file uses %d bytes, of which %d are free; commit %d\n",
		path, r.Records, r.Bytes, r.Used, r.Free, r.Version)
	return err
}
