package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/server"
	"github.com/atriumrtc/atrium/configs"
	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func (a *app) auditCommand() *cobra.Command {
	parent := &cobra.Command{
		Use:   "audit",
		Short: "Export and verify the audit log",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what: `atrium audit export --out FILE` or `atrium audit verify FILE`")
		},
	}
	parent.AddCommand(a.auditExport(), a.auditVerify())
	return parent
}

func (a *app) auditExport() *cobra.Command {
	f := &remoteFlags{}
	cmd := &cobra.Command{
		Use:   "export --out FILE",
		Short: "Write an organisation's audit log with its signed head",
		Long: "Write the audit log of the API key's organisation as JSON Lines, the signed head last.\n\n" +
			"Keep the file, or its last line, apart from the server: it shows later that nothing up to it was\n" +
			"altered, nor cut off.",
		Args: cobra.NoArgs,
	}
	f.add(cmd)
	out := cmd.Flags().String("out", "", "file to write")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *out == "" {
			return errors.New("audit export: name the file to make: --out FILE")
		}
		return does(func(cmd *cobra.Command, _ []string) error {
			c, err := f.connect()
			if err != nil {
				return err
			}
			file, err := os.OpenFile(*out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return fmt.Errorf("--out: %w", err)
			}
			err = c.Stream(cmd.Context(), "/audit/export", file)
			if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
				return errors.Join(explainRemote(err), os.Remove(*out))
			}
			_, err = fmt.Fprintln(a.out, *out)
			return err
		})(cmd, args)
	}
	return cmd
}

func (a *app) auditVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Say whether an exported audit log is what was written",
		Long: "Verify an exported audit log: the chain of its records, and the signature of its head by the keys of\n" +
			"data.dir. With --known, an earlier export, also that nothing up to that was altered or cut off.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("audit verify: give one file: `atrium audit verify FILE`")
			}
			return nil
		},
	}
	file := configFlag(cmd)
	known := cmd.Flags().StringSlice("known", nil, "an earlier export that must be contained; may be repeated")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		cfg, err := configs.Load(configs.Options{File: *file, Flags: cmd.Flags()})
		if err != nil {
			return err
		}
		keys, err := auth.ReadKeys(server.KeysPath(cfg))
		if err != nil {
			return err
		}
		check := server.HeadCheck(keys)
		heads := make([]control.SignedHead, len(*known))
		for i, name := range *known {
			if heads[i], err = verifyFile(name, check); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		head, err := verifyFile(args[0], check, heads...)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		_, err = fmt.Fprintf(a.out, "%s: as it was written: %d records until %s\n", args[0], head.Seq, head.At.Format("2006-01-02 15:04:05 MST"))
		return err
	})
	return cmd
}

func verifyFile(name string, check control.HeadCheck, known ...control.SignedHead) (control.SignedHead, error) {
	file, err := os.Open(name)
	if err != nil {
		return control.SignedHead{}, err
	}
	defer func() { _ = file.Close() }()
	return control.VerifyAudit(io.Reader(file), check, known...)
}

func (a *app) keyRotate(f *remoteFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Put new keys of this deployment in front of the old ones",
		Long: "Make new keys for signing join tokens and for sealing, in the key file of data.dir. The old ones stay, to\n" +
			"verify and open what they signed and sealed. A running server uses the new ones from its next start.",
		Args: cobra.NoArgs,
	}
	cmd.RunE = does(func(*cobra.Command, []string) error {
		cfg, err := f.load()
		if err != nil {
			return err
		}
		if err := auth.RotateKeys(server.KeysPath(cfg)); err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.out, "New keys are in the key file: restart the server to use them.")
		return err
	})
	return cmd
}
