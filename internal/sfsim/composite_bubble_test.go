//go:build synctests

package sfsim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// compositeOf is a composite request of collections, each of which upserts one Task
// with the subject.
func compositeOf(collections int, subject string) string {
	var parts []string
	for i := range collections {
		parts = append(parts, fmt.Sprintf(`{"method":"PATCH","url":"/services/data/v64.0/composite/sobjects/Task/Aircall_Call_Id__c","referenceId":"part%d",
			"body":{"allOrNone":false,"records":[{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"%d","Subject":%q}]}}`, i, 100+i, subject))
	}
	return `{"allOrNone":false,"compositeRequest":[` + strings.Join(parts, ",") + `]}`
}

// TestCompositeTakesAsLongAsItsCollections: they are carried out one after the other,
// and count as one API request.
func TestCompositeTakesAsLongAsItsCollections(t *testing.T) {
	inBubble(t, Options{Latency: 150 * time.Millisecond}, func(b *bubble) {
		for _, n := range []int{1, 5} {
			r := b.must(http.StatusOK, "POST", "composite", compositeOf(n, "Call"))
			if r.took != time.Duration(n)*150*time.Millisecond {
				t.Errorf("%d collections took %s", n, r.took)
			}
			if got := len(r.body.Get("compositeResponse.#.body.0.id").Array()); got != n {
				t.Errorf("%d results of %d collections: %s", got, n, r.body.Raw)
			}
		}
		if used, _ := b.sim.usage.figures(); used != 2 {
			t.Errorf("two composites count as %d API requests", used)
		}
		b.must(http.StatusBadRequest, "POST", "composite", compositeOf(6, "Call"))
	})
}

// TestPartOfACompositeFails: the others are carried out. What looks like a reference
// to another part and is none fails, wherever it stands.
func TestPartOfACompositeFails(t *testing.T) {
	inBubble(t, Options{}, func(b *bubble) {
		b.sim.Fail(Fault{Operation: "collections_upsert", Skip: 1, Status: http.StatusServiceUnavailable, Code: "SERVER_UNAVAILABLE"})
		r := b.must(http.StatusOK, "POST", "composite", compositeOf(3, "Call"))
		for i, want := range []int64{200, 503, 200} {
			if got := r.body.Get(fmt.Sprintf("compositeResponse.%d.httpStatusCode", i)).Int(); got != want {
				t.Errorf("part %d: status %d, want %d", i, got, want)
			}
		}
		if n := len(b.sim.Records("Task")); n != 2 {
			t.Errorf("%d Tasks, want 2", n)
		}
		for _, text := range []string{"see @{part0[0].nothing}", "mail to @{ada}", "@{ }"} {
			r := b.must(http.StatusOK, "POST", "composite", compositeOf(2, text))
			if code := r.body.Get("compositeResponse.0.body.0.errorCode").String(); code != "PROCESSING_HALTED" {
				t.Errorf("%s: %s", text, r.body.Raw)
			}
		}
	})
}
