//go:build synctests

package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/settings"
)

// TestReadinessTellsOfTheOrg: /readyz says why Salesforce cannot be written to, at
// the start and later, for as long as that lasts; /healthz stays as it is.
func TestReadinessTellsOfTheOrg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(settings.Default(), slog.New(slog.DiscardHandler), "salesforce")
		handler := observe.AdminHandler(a.Health, a.Registry)
		ready := func(code int, body string) {
			t.Helper()
			synctest.Wait()
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
			if w.Code != code || !strings.Contains(w.Body.String(), body) {
				t.Errorf("/readyz: %d %s, want %d %s", w.Code, w.Body, code, body)
			}
			w = httptest.NewRecorder()
			if handler.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil)); w.Code != 200 {
				t.Errorf("/healthz: %d", w.Code)
			}
		}
		ready(503, "salesforce: not ready: starting")
		var trouble atomic.Pointer[error]
		set := func(err error) { trouble.Store(&err) }
		set(errors.New("make Type visible"))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			orgReadiness{
				prepare: func(context.Context) error { return *trouble.Load() },
				trouble: func() error { return *trouble.Load() },
				look:    func(ctx context.Context) { <-ctx.Done() }, // the org does not answer
				report:  func(problem error) { a.report("salesforce", problem) },
			}.run(ctx)
		}()
		ready(503, "salesforce: not ready: make Type visible")
		time.Sleep(prepareAgainAfter + time.Second) // virtual
		set(nil)
		time.Sleep(prepareAgainAfter) // virtual
		ready(200, "salesforce: ready")
		set(errors.New("the org is full"))
		time.Sleep(troubleEvery + time.Second) // virtual
		ready(503, "salesforce: not ready: the org is full")
		set(nil)
		time.Sleep(troubleEvery) // virtual
		ready(200, "salesforce: ready")
		cancel()
		<-ended
	})
}
