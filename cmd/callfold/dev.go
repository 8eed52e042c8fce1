package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/dev"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/settings"
)

// mostTraffic is in calls a minute: far more than this machine can send.
const mostTraffic = 1_000_000

func newDevCommand(g *globals) *cobra.Command {
	var o dev.Options
	var org string
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine: broker, Salesforce simulator, all stages",
		Long: `Run everything in one process, with no Kafka, no Salesforce and no account of any
kind: an embedded broker, a Salesforce simulator, all stages, and generated calls.

--kafka is a real Kafka listener and --salesforce speaks Salesforce's REST API, so
that any client can connect to either. Everything is kept in --data; a restart goes
on where it was. With --config the rules (tasks, match, owner) are those of the
settings file; where to find Kafka and Salesforce is decided here.

The broker and the simulator are for trying things out and for tests, not for
production.`,
		Example: `  callfold dev
  callfold dev --traffic 0 --data /tmp/callfold
  callfold dev --org my-org.json --config callfold.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := g.load(settings.Offline)
			if err != nil {
				return err
			}
			if g.config == "" && os.Getenv("CALLFOLD_LOG_LEVEL") == "" {
				s.Log = settings.Log{Level: "warn", Format: "text"} // for a person at a terminal
			}
			if o.Logger, err = observe.NewLogger(s.Log, cmd.ErrOrStderr()); err != nil {
				return err
			}
			if !(o.Traffic >= 0 && o.Traffic <= mostTraffic) { // so NaN is refused too
				return usagef(cmd, "--traffic is %v; give the calls a minute, 0 for none, at most %d", o.Traffic, mostTraffic)
			}
			if o.Org, err = orgRecords(cmd, org); err != nil {
				return err
			}
			o.Settings, o.Out = s, cmd.OutOrStdout()
			if err := dev.Run(cmd.Context(), o); err != nil {
				return err
			}
			_, err = fmt.Fprintf(o.Out, "\nStopped. Everything is kept in %s.\n", o.Data)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Data, "data", ".callfold", "`directory` that keeps everything")
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "`address` of the webhook, the page, health and metrics")
	flags.StringVar(&o.Kafka, "kafka", "127.0.0.1:9092", "`address` of the embedded broker")
	flags.StringVar(&o.Salesforce, "salesforce", "127.0.0.1:8081", "`address` of the Salesforce simulator")
	flags.Float64Var(&o.Traffic, "traffic", 6, "generated `calls` a minute; 0 = none")
	flags.StringVar(&org, "org", "sample", "what an empty simulator is filled with: sample, empty or a `file`")
	return cmd
}
