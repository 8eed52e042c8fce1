//go:build synctests

package sfsink

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// direct answers requests without a network, so that a bubble's time goes on.
type direct struct{ to http.Handler }

func (d direct) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if e := recover(); e != nil {
			if cut, _ := e.(error); !errors.Is(cut, http.ErrAbortHandler) {
				panic(e)
			}
			answer, err = nil, io.ErrUnexpectedEOF
		}
	}()
	w := httptest.NewRecorder()
	d.to.ServeHTTP(w, r)
	return w.Result(), nil
}

// TestTwoSinksAndOneUnknownNumber: two calls from one unknown number in the same
// second, on two sinks with caches and locks of their own (M7). Both ask, find nobody
// and create a record while the other's is under way: one wins, and the other
// one takes its record. The window is checked: both have asked before either creates,
// and both create before either is done.
func TestTwoSinksAndOneUnknownNumber(t *testing.T) {
	for _, object := range []string{"Lead", "Contact", "Account"} {
		t.Run(object, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { twoSinks(t, object) })
		})
	}
}

func twoSinks(t *testing.T, object string) {
	const latency = 150 * time.Millisecond
	sim, err := sfsim.New(sfsim.Options{Now: time.Now, Latency: latency})
	if err != nil {
		t.Fatal(err)
	}
	creations := make(chan time.Time, 10)
	benches := [2]*bench{emptyBench(t), emptyBench(t)}
	for _, b := range benches {
		b.sim, b.clock = sim, time.Now()
		b.before = func(r *http.Request) {
			if r.Method == http.MethodPost && r.URL.Path == "/services/data/v64.0/sobjects/"+object {
				creations <- time.Now()
			}
		}
		b.sink = b.newSinkAt("http://org.invalid", &http.Client{Transport: direct{b}}, func(o *Options) {
			o.Settings.Match.Create = map[string]string{"Lead": "lead", "Contact": "contact", "Account": "account"}[object]
		})
	}
	benches[0].load(orgFile)
	for i, b := range benches {
		b.answered(int64(i+1), unknownNumber, "ada")
	}
	ended := make(chan error, 2)
	for _, b := range benches {
		go func() { ended <- b.try() }()
	}
	for range benches {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	if len(creations) != 2 {
		t.Fatalf("%d requests to create it, want one of each sink", len(creations))
	}
	if apart := (<-creations).Sub(<-creations).Abs(); apart >= latency {
		t.Fatalf("the second was sent %s after the first: it was no race", apart)
	}
	var made []string
	for _, r := range sim.Records(object) {
		if r["Aircall_Number_Key__c"] != nil {
			made = append(made, r["Id"].(string))
		}
	}
	if len(made) != 1 {
		t.Fatalf("%d records were created: %v", len(made), made)
	}
	field := "WhoId"
	if object == "Account" {
		field = "WhatId"
	}
	createdFor := 0
	for i, b := range benches {
		o := b.outcome(int64(i+1), schemas.Created)
		b.task(int64(i+1), field, made[0])
		if o.Match.ID != made[0] {
			t.Errorf("call %d remembers %s", i+1, o.Match.ID)
		}
		if o.Match.Created {
			createdFor++
		}
	}
	if createdFor != 1 {
		t.Errorf("%d calls say that the record was created for them", createdFor)
	}
}
