package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/configs"
)

// configFlag adds --config and a flag for every key to a command.
func configFlag(cmd *cobra.Command) *string {
	file := cmd.Flags().String("config", "", "configuration file (YAML); without it defaults, environment and flags hold")
	configs.AddFlags(cmd.Flags())
	return file
}

func (a *app) configCommand() *cobra.Command {
	parent := &cobra.Command{
		Use:   "config",
		Short: "Check or print the configuration",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return fmt.Errorf("say which: `atrium config check --config FILE` or `atrium config print`")
		},
	}
	parent.AddCommand(a.configCheck(), a.configPrint())
	return parent
}

func (a *app) configCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Say what is wrong with a configuration file",
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *file == "" {
			return fmt.Errorf("config check: name the file: --config FILE")
		}
		return does(func(*cobra.Command, []string) error { return a.checkConfig(cmd, *file) })(cmd, args)
	}
	return cmd
}

// checkConfig reports what keeps a file from being loaded, and notes what
// would keep `atrium serve` from starting with it alone.
func (a *app) checkConfig(cmd *cobra.Command, file string) error {
	options := configs.Options{File: file, Flags: cmd.Flags()}
	cfg, err := configs.Load(options)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(a.out, "%s: good\n", file); err != nil {
		return err
	}
	if err := cfg.ValidateServe(); err != nil {
		_, _ = fmt.Fprintf(a.out, "note: `atrium serve` needs more: %v\n", err)
	}
	for _, name := range configs.UnknownEnv(os.Environ()) {
		_, _ = fmt.Fprintf(a.out, "note: the environment variable %s sets nothing\n", name)
	}
	return nil
}

func (a *app) configPrint() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the configuration in force, secrets left out",
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		cfg, err := configs.Load(configs.Options{File: *file, Flags: cmd.Flags()})
		if err != nil {
			return err
		}
		printed, err := cfg.Print()
		if err != nil {
			return err
		}
		_, err = a.out.Write(printed)
		return err
	})
	return cmd
}
