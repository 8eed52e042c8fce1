package main

import (
	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/settings"
)

func newSinkCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "sink",
		Short: "Run the stage that writes Tasks to Salesforce",
		Long: `Run the stage that reads the topic calls, writes Tasks to Salesforce, and records
what came of each call in the topic tasks. Health and metrics are on admin.listen.

With sink.dry_run it decides and records, and writes nothing to Salesforce: it
then has a group of its own, and the topic tasks-dryrun.

An outage of Salesforce is waited for. What a person has to mend (sign-in, fields,
rights) is said in the log and makes the stage not ready; nothing is lost meanwhile,
and it goes on by itself once it is mended. docs/salesforce.md says how to set up the org.`,
		Example: `  callfold sink --config callfold.yaml
  CALLFOLD_SINK_DRY_RUN=true callfold sink --config callfold.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := newApp(g, cmd, settings.ForSink, "sink", "salesforce")
			if err != nil {
				return err
			}
			stage, err := a.Sink()
			if err != nil {
				return err
			}
			return runStage(cmd.Context(), a, stage)
		},
	}
}
