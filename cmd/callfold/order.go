package main

import (
	"fmt"
	"os/user"

	"github.com/callfold/callfold/internal/command"
)

// completeOrder fills in who asks, and checks what goes into the history of calls.
func completeOrder(order *command.Order) error {
	if order.Who == "" {
		if u, err := user.Current(); err == nil {
			order.Who = u.Username
		}
	}
	if err := order.Check(); err != nil {
		return fmt.Errorf("--reason, --who: %w", err)
	}
	return nil
}
