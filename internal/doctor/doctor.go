package doctor

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/projector"
)

// Options say what to look at.
type Options struct {
	// Settings are checked already.
	Settings settings.Settings
	// Client talks to the org.
	Client *salesforce.Client
	// Timeout is how long each area may take; a request of Salesforce and Aircall
	// a third of it. 30 s where 0.
	Timeout time.Duration
	// HTTPClient asks Aircall; nil = one with Go's usual transport.
	HTTPClient *http.Client
	// Logger is told while a broker is waited for; nil = nobody.
	Logger *slog.Logger
}

// Run looks at everything and gives what it found, in a fixed order. Its error
// is for settings that hold no rules; whatever else goes wrong is a finding.
func Run(ctx context.Context, o Options) ([]Finding, error) {
	rules, err := projector.New(o.Settings.Settings)
	if err != nil {
		return nil, err
	}
	o.fill()
	areas := []func(context.Context) []Finding{
		func(ctx context.Context) []Finding { return lookAtKafka(ctx, o) },
		func(ctx context.Context) []Finding { return lookAtOrg(ctx, o, rules) },
		func(ctx context.Context) []Finding { return lookAtAircall(ctx, o) },
	}
	found := make([][]Finding, len(areas))
	var all sync.WaitGroup
	for i, look := range areas {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, o.Timeout)
			defer cancel()
			found[i] = look(ctx)
		})
	}
	all.Wait()
	return slices.Concat(found...), nil
}

// fill gives what is not set its default.
func (o *Options) fill() {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}
