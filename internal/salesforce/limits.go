package salesforce

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

// Usage is how much of the org's rolling daily allocation of API requests is
// used up, by everybody.
type Usage struct {
	Used, Allowed int
}

// Usage is what the newest answer said; ok is false before the first.
func (c *Client) Usage() (u Usage, ok bool) {
	if p := c.usage.Load(); p != nil {
		return *p, true
	}
	return Usage{}, false
}

// Sent is how many requests this client has sent that count against the
// allocation, answered or not. Signing in does not count.
func (c *Client) Sent() int64 { return c.sent.Load() }

// parseUsage reads the header Sforce-Limit-Info. It looks like
// "api-usage=10018/100000", and may carry other parts, before or after, such as
// "per-app-api-usage=17/250(appName=sample)".
func parseUsage(header string) (Usage, bool) {
	for part := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
		value, ok := strings.CutPrefix(part, "api-usage=")
		if !ok {
			continue
		}
		used, allowed, _ := strings.Cut(value, "/")
		u, err1 := strconv.Atoi(used)
		a, err2 := strconv.Atoi(allowed)
		if err1 == nil && err2 == nil {
			return Usage{Used: u, Allowed: a}, true
		}
	}
	return Usage{}, false
}

// Limit is one of the org's limits.
type Limit struct {
	Max       int `json:"Max"`
	Remaining int `json:"Remaining"`
}

// Limits gives the org's limits by name, such as DailyApiRequests.
func (c *Client) Limits(ctx context.Context) (map[string]Limit, error) {
	var limits map[string]Limit
	err := c.do(ctx, opLimits, request{method: http.MethodGet, path: c.data("limits")}, &limits)
	return limits, err
}
