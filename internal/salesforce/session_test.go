package salesforce_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
)

// TestTokenThatWearsOut: a session is good for ten requests, and twelve workers
// send one after the other. Each time one of them signs in, for all; and none fails
// though the new session may have ended too before its turn came.
func TestTokenThatWearsOut(t *testing.T) {
	const uses, workers, rounds = 10, 12, 25
	sim, err := sfsim.New(sfsim.Options{SessionUses: uses})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	var signIns atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/services/oauth2/token" {
			signIns.Add(1)
		}
		sim.ServeHTTP(w, r)
	}))
	defer server.Close()
	c, err := salesforce.New(salesforce.Options{LoginURL: server.URL, APIVersion: "64.0", Flow: salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				if _, err := c.Limits(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n, want := signIns.Load(), int32(workers*rounds/uses); n != want {
		t.Errorf("%d sign-ins for %d requests, want %d", n, workers*rounds, want)
	}
}

// TestOrgThatMoved: an answer that points elsewhere is not followed, with the token
// and the rows; the sign-in tells where the org is now.
func TestOrgThatMoved(t *testing.T) {
	var strayed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		strayed.Add(1)
		w.WriteHeader(http.StatusTeapot)
	}))
	defer elsewhere.Close()
	for _, moves := range []int32{1, 100} {
		var seen atomic.Int32
		o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
			if seen.Add(1) <= moves {
				http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusPermanentRedirect)
				return
			}
			if _, err := w.Write([]byte(`[{"id":"00T1","success":true,"created":true,"errors":[]}]`)); err != nil {
				t.Error(err)
			}
		})
		results, err := upsert(t.Context(), o.client(t, nil), "Call__c", salesforce.Record{"Call__c": "1"})
		if moves == 1 {
			if err != nil || !results[0].Created {
				t.Errorf("%+v, %v", results, err)
			}
		} else if e := refusal(t, err); e.Code != "HTTP_308" {
			t.Errorf("got %+v", e)
		}
		if n := o.signIns.Load(); n != 2 {
			t.Errorf("%d sign-ins, want 2", n)
		}
	}
	if n := strayed.Load(); n != 0 {
		t.Errorf("%d requests went astray", n)
	}
}
