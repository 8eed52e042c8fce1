package main

import (
	"fmt"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/command"
)

// orderFlags adds the flags of a command that publishes operators' commands.
func orderFlags(cmd *cobra.Command, o *command.Order) {
	flags := cmd.Flags()
	flags.StringVar(&o.Why, "reason", "", "why; it stays in the history of each call")
	flags.StringVar(&o.Who, "who", "", "who asks (default: the user of this system)")
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
