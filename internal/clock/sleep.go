// Package clock waits in a way that can be called off.
package clock

import (
	"context"
	"time"
)

// Sleep waits for d, or for the end of ctx, whose error it gives then.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
