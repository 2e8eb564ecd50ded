package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/server"
	"github.com/atriumrtc/atrium/configs"
)

func (a *app) adminCommand() *cobra.Command {
	parent := &cobra.Command{
		Use:   "admin",
		Short: "Set up a server's data",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what: `atrium admin create-organisation NAME`")
		},
	}
	parent.AddCommand(a.createOrganisation())
	return parent
}

func (a *app) createOrganisation() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create-organisation NAME",
		Short: "Create an organisation and print its first API key",
		Long: "Create an organisation and print its first API key, which can't be shown again.\n\n" +
			"It opens the data file of data.dir itself: the server must not be running.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("create-organisation: give one name, in quotes if it has spaces: `atrium admin create-organisation \"My clinic\"`")
			}
			return nil
		},
	}
	file := configFlag(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		cfg, err := configs.Load(configs.Options{File: *file, Flags: cmd.Flags()})
		if err != nil {
			return err
		}
		rules, closeData, err := server.OpenControl(cfg)
		if err != nil {
			return err
		}
		_, key, err := rules.CreateOrganisation(context.Background(), args[0])
		if err = errors.Join(err, closeData()); err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.out, key)
		return err
	})
	return cmd
}
