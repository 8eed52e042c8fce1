package main

import (
	"context"
	"maps"
	"testing"
)

// TestTakeover: a takeover is a row that was being written when its sink was
// killed, and is written again. A kill between two requests is none.
func TestTakeover(t *testing.T) {
	o, err := startOrg(t.Context(), "", perKind, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	write := func(sink int, row string) { o.done(context.Background(), &write{sink, map[string]bool{row: true}}, "") }
	caught := func(sink int, row string) {
		trap := o.catch(sink)
		ended := make(chan any, 1)
		go func() {
			defer func() { ended <- recover() }()
			write(sink, row)
		}()
		<-trap.caught
		o.killed(sink)
		close(trap.release)
		if <-ended == nil {
			t.Error("a caught request was answered")
		}
	}
	takeovers := func() int { return o.counted()[takeOver] }

	write(0, "1")
	o.killed(0)
	write(1, "1")
	if got := takeovers(); got != 0 {
		t.Errorf("%d takeovers though nothing was under way", got)
	}
	caught(0, "2")
	write(1, "3")
	if got := takeovers(); got != 0 {
		t.Errorf("%d takeovers before the row was written again", got)
	}
	write(1, "2")
	write(1, "2")
	if got := takeovers(); got != 1 {
		t.Errorf("%d takeovers, want 1", got)
	}
}

// TestUncatch: a trap that caught nothing is gone, and one behind it is not.
func TestUncatch(t *testing.T) {
	o, err := startOrg(t.Context(), "", perKind, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	first, second := o.catch(0), o.catch(0)
	o.uncatch(0, first)
	close(second.release)
	func() {
		defer func() { _ = recover() }()
		o.done(context.Background(), &write{0, nil}, "")
	}()
	select {
	case <-second.caught:
	default:
		t.Error("the second trap caught nothing")
	}
}

// TestRows: rows are seen in a collection, and in several of one request; lookups have
// none.
func TestRows(t *testing.T) {
	for body, want := range map[string]map[string]bool{
		`{"allOrNone":false,"records":[{"Aircall_Call_Id__c":"1"},{"Aircall_Call_Id__c":"2"}]}`:                                                     {"1": true, "2": true},
		`{"compositeRequest":[{"method":"PATCH","body":{"records":[{"Aircall_Call_Id__c":"1"}]}},{"body":{"records":[{"id":"00T000000000001"}]}}]}`: {"1": true, "00T000000000001": true},
		`{"compositeRequest":[{"method":"GET","url":"/services/data/v64.0/query?q=SELECT"}]}`:                                                       {},
	} {
		if got := rows([]byte(body)); !maps.Equal(got, want) {
			t.Errorf("rows of %s: %v, want %v", body, got, want)
		}
	}
}
