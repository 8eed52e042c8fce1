package main

import (
	"context"
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/settings"
)

// orderFlags adds the flags of a command that publishes operators' commands.
func orderFlags(cmd *cobra.Command, o *command.Order) {
	flags := cmd.Flags()
	flags.StringVar(&o.Why, "reason", "", "why; it stays in the history of each call")
	flags.StringVar(&o.Who, "who", "", "who asks (default: the user of this system)")
}

// sendCommands is writeEvents for work that publishes operators' commands.
func sendCommands(cmd *cobra.Command, g *globals, timeout time.Duration, name string, dryRun bool, work func(context.Context, *kgo.Client, settings.Settings) error) error {
	return writeEvents(cmd, g, timeout, name, command.ProducerOptions(), dryRun, work)
}

// refuseDryRun is an error where the settings are those of a sink that writes nothing.
func refuseDryRun(cmd *cobra.Command, s settings.Settings) error {
	if s.Sink.DryRun {
		return usagef(cmd, "sink.dry_run is set: a command is obeyed by every sink, also by one that writes; set it to false")
	}
	return nil
}

// completeOrder fills in who asks, and says what is missing.
func completeOrder(o *command.Order) error {
	if o.Who == "" {
		if u, err := user.Current(); err == nil {
			o.Who = u.Username
		}
	}
	if err := o.Check(); err != nil {
		return fmt.Errorf("--reason, --who: %w", err)
	}
	return nil
}
