package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/settings"
)

const (
	// firstPause and longestPause bound the doubling pauses between tries.
	firstPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
)

// WaitReachable returns once a broker answers the client, which was made with
// these settings, and tries until ctx ends. Each failed try is a warning in the
// log that says what will happen; the error in the end says where nobody
// answered and why the last try failed. A sign-in that is refused is not tried
// again: it would lock the account rather than succeed.
func WaitReachable(ctx context.Context, client *kgo.Client, s settings.Kafka, logger *slog.Logger) error {
	brokers := strings.Join(s.Brokers, ", ")
	var last error
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := client.Ping(ctx)
		if err == nil {
			return nil
		}
		if errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, kerr.UnsupportedSaslMechanism) {
			return fmt.Errorf("signing in at %s: %w", brokers, Explain(err, s))
		}
		if last == nil || ctx.Err() == nil {
			last = Explain(err, s) // an error of the last try that ctx cut short says nothing
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("no Kafka broker answers at %s (kafka.brokers): %w", brokers, last)
		case <-timer.C:
			logger.Warn("no Kafka broker answers, trying again", "brokers", brokers, "error", last)
		}
	}
}
