package sfsink

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
)

const (
	// probeEvery is how often a sink that has used up its share asks whether there is
	// room again. Each probe is an API request itself.
	probeEvery = 15 * time.Minute
	// probesADay fit between the sink's share and the reserve, with the requests that
	// were under way when the share was used up: so the reserve is left alone.
	probesADay = 200
	// trendOver is the time over which the use is watched for the forecast.
	trendOver = time.Hour
)

// governor keeps the sink within its share of the org's API requests of 24 rolling
// hours. Salesforce tells with every answer how many there are and how many are used,
// by everybody. What is left beyond the share is the reserve for others.
type governor struct {
	client  *salesforce.Client
	reserve float64
	now     func() time.Time

	mu     sync.Mutex
	probed time.Time // when Salesforce was last asked although the share was used up
	seen   []use     // of the last hour, the oldest first
}

// use is what Salesforce said at a time.
type use struct {
	at   time.Time
	used int
}

// room returns nil while requests may be sent, else a [*Stopped]. When there was
// none it asks Salesforce now and then.
func (g *governor) room(ctx context.Context) error {
	over := g.over()
	if over == nil || !g.mayProbe() {
		return over
	}
	if _, err := g.client.Limits(ctx); err != nil {
		return errors.Join(over, err)
	}
	return g.over()
}

// over tells that the share is used up, as far as Salesforce has said.
func (g *governor) over() error {
	u, ok := g.client.Usage()
	if !ok || u.Used < g.share(u) {
		return nil
	}
	return &Stopped{
		Reason: string(classThrottle),
		Fix:    "Wait: requests older than 24 hours do not count any more. Find out who uses so many (Setup, System Overview), lower salesforce.api_reserve, or buy more.",
		Err:    fmt.Errorf("%d of the org's %d API requests in 24 hours are used; %.0f %% are reserved for others (salesforce.api_reserve)", u.Used, u.Allowed, 100*g.reserve),
	}
}

// short tells that less than twice the reserve is left, as far as Salesforce has said.
func (g *governor) short() bool {
	u, ok := g.client.Usage()
	return ok && float64(u.Allowed-u.Used) < 2*g.reserve*float64(u.Allowed)
}

// stillShort is short, but asks Salesforce now and then: nobody else might.
func (g *governor) stillShort(ctx context.Context) bool {
	if g.short() && g.mayProbe() {
		// If that fails, what was said before still holds.
		_, _ = g.client.Limits(ctx)
	}
	return g.short()
}

// share is how many requests may be used, by everybody, before the sink pauses.
func (g *governor) share(u salesforce.Usage) int {
	mine := float64(u.Allowed) * (1 - g.reserve)
	return int(mine - min(probesADay, mine/10))
}

func (g *governor) mayProbe() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := g.now(); now.Sub(g.probed) >= probeEvery || now.Before(g.probed) {
		g.probed = now
		return true
	}
	return false
}

// daily tells whether a refusal for too many requests is about those of the day, and
// not about too many at once: Salesforce has one code for both.
func (g *governor) daily() bool {
	u, ok := g.client.Usage()
	return ok && u.Used >= u.Allowed
}

// note remembers the use, for the forecast.
func (g *governor) note() {
	u, ok := g.client.Usage()
	if !ok {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if n := len(g.seen); n == 0 || now.Sub(g.seen[n-1].at) >= time.Minute {
		g.seen = append(g.seen, use{now, u.Used})
	}
	for len(g.seen) > 2 && now.Sub(g.seen[0].at) > trendOver {
		g.seen = g.seen[1:]
	}
}

// exhaustion is in how many seconds the share is used up if the use grows as it did
// in the last hour; infinite where it does not grow.
func (g *governor) exhaustion() float64 {
	u, ok := g.client.Usage()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !ok || len(g.seen) == 0 {
		return math.Inf(1)
	}
	if u.Used >= g.share(u) {
		return 0
	}
	first := g.seen[0]
	grown, over := float64(u.Used-first.used), g.now().Sub(first.at).Seconds()
	if grown <= 0 || over <= 0 {
		return math.Inf(1)
	}
	return float64(g.share(u)-u.Used) / (grown / over)
}
