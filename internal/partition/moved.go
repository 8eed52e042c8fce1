package partition

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// away is how long the leader of a partition that is read is waited for, from the last
	// answer on. Where one broker is restarted, another leads within seconds.
	away = time.Minute
	// electing is how long leaders are waited for at first: longer than Kafka takes to miss
	// a broker and name another (9 s), and no longer, since only the partitions that are read
	// matter, and which these are is not known yet.
	electing = 15 * time.Second
)

// patiently tries again while a partition moves to another broker, or its broker is away,
// but not for longer than that. Where it is ctx's deadline that ends it, the error has the
// last answer too.
func patiently[T any](ctx context.Context, within time.Duration, try func() (T, error)) (T, error) {
	pauses := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(within))
	var last error // of a try after which there was another, or would have been
	result, err := backoff.RetryWithData(func() (T, error) {
		result, err := try()
		switch {
		case err == nil:
		case !passing(err):
			last, err = nil, backoff.Permanent(err)
		case ctx.Err() == nil: // else it says only that the time is over
			last = err
		}
		return result, err
	}, backoff.WithContext(pauses, ctx))
	switch {
	case err == nil || last == nil:
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("%w; the last answer was: %w", ctx.Err(), last)
	case ctx.Err() == nil:
		err = fmt.Errorf("no leader answered for %v (see that its brokers run and it has a leader, then run the command again): %w", within, last)
	}
	return result, err
}

// passing tells whether an error may be gone in a moment: Kafka says so, or a broker could
// not be talked to. A deadline is the connection's: that of the caller ends the tries anyway.
func passing(err error) bool {
	var told *kerr.Error
	switch {
	case errors.As(err, new(*backoff.PermanentError)), errors.Is(err, kgo.ErrClientClosed), errors.Is(err, context.Canceled),
		errors.As(err, new(*tls.CertificateVerificationError)), errors.As(err, new(tls.RecordHeaderError)):
		return false
	case errors.As(err, &told):
		return told.Retriable
	}
	return true
}
