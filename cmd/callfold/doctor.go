package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/doctor"
	"github.com/callfold/callfold/internal/settings"
)

func newDoctorCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check Kafka, Salesforce and Aircall, and say how to mend what is wrong",
		Long: `Check everything that callfold needs of others: the Kafka brokers and topics; the
sign-in to Salesforce, the fields of a Task and what the integration user may do
with them, picklist values, phone fields, users, rights, and what is left of the
API requests of a day; and with an API key in the settings Aircall's webhook and its
users, too.
Nothing is written anywhere.

Each line says ok, wrong or advice, and for what is not ok how to mend it. Wrong
keeps calls from being logged as the settings say, and makes the exit code 1.
Advice is a choice that is yours, or something that could not be checked.`,
		Example: `  callfold doctor --config callfold.yaml
  callfold doctor --config callfold.yaml --output json
  callfold doctor --config callfold.yaml --timeout 1m`,
		Args: cobra.NoArgs,
	}
	var timeout time.Duration
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long each of Kafka, Salesforce and Aircall may take")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if timeout <= 0 {
			return usagef(cmd, "--timeout must be more than 0, such as 30s")
		}
		findings, err := examine(cmd, g, timeout)
		if err != nil {
			return err
		}
		if err := printExamination(cmd, *format, findings); err != nil {
			return err
		}
		wrong := 0
		for _, f := range findings {
			if f.Severity == doctor.Wrong {
				wrong++
			}
		}
		if wrong > 0 {
			return fmt.Errorf("%d of %d checks are wrong", wrong, len(findings))
		}
		return nil
	}
	return cmd
}

// examine looks at everything that the settings name.
func examine(cmd *cobra.Command, g *globals, timeout time.Duration) ([]doctor.Finding, error) {
	s, err := g.load(settings.ForKafka | settings.ForSink | settings.ForAircall)
	if err != nil {
		return nil, err
	}
	client, err := app.Salesforce(s.Salesforce, nil)
	if err != nil {
		return nil, err
	}
	findings, err := doctor.Run(cmd.Context(), doctor.Options{
		Settings: s, Client: client, Timeout: timeout, Logger: plainLogger(cmd),
	})
	if err == nil && cmd.Context().Err() != nil {
		err = cmd.Context().Err() // what it found is only that it was stopped
	}
	return findings, interrupted(cmd.Context(), err)
}

func printExamination(cmd *cobra.Command, format output, findings []doctor.Finding) error {
	if format == jsonOutput {
		return printJSON(cmd.OutOrStdout(), findings)
	}
	for _, f := range findings {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%-6s  %s\n", f.Level(), f); err != nil {
			return err
		}
	}
	return nil
}
