package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/callfold/callfold/internal/settings"
)

func newConfigPrintCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the effective settings, secrets masked",
		Long: `Print every setting with the value that holds: from the environment, else from
the settings file, else the default. Secrets are masked. Values are not checked
(see config check), but a file that cannot be read in full is refused.`,
		Example: `  callfold config print
  callfold config print --config callfold.yaml
  CALLFOLD_LOG_LEVEL=debug callfold config print --output json`,
		Args: cobra.NoArgs,
	}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := settings.Load(g.config, os.Environ())
		if err != nil {
			return err
		}
		if *format == textOutput {
			return s.Print(cmd.OutOrStdout())
		}
		var text bytes.Buffer
		if err := s.Print(&text); err != nil {
			return err
		}
		var tree map[string]any
		if err := yaml.Unmarshal(text.Bytes(), &tree); err != nil {
			return fmt.Errorf("reading the printed settings: %w", err)
		}
		return printJSON(cmd.OutOrStdout(), tree)
	}
	return cmd
}
