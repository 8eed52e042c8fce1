package sfsink

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func TestPackKeepsAccountsTogether(t *testing.T) {
	var rows []*row
	add := func(account string, n int) {
		for range n {
			rows = append(rows, &row{account: account})
		}
	}
	add("A", 150)
	add("", 130)
	add("B", 60)
	add("C", 401)
	add("D", 150)
	requests := pack(rows)
	where := map[string]map[int]bool{}
	total := 0
	for i, request := range requests {
		if len(request) == 0 || len(request) > 200 {
			t.Errorf("request %d has %d rows", i, len(request))
		}
		total += len(request)
		for _, r := range request {
			if where[r.account] == nil {
				where[r.account] = map[int]bool{}
			}
			where[r.account][i] = true
		}
	}
	if total != len(rows) || len(requests) != 5 {
		t.Errorf("%d rows in %d requests, want %d in 5", total, len(requests), len(rows))
	}
	for account, want := range map[string]int{"A": 1, "B": 1, "D": 1, "C": 3} {
		if len(where[account]) != want {
			t.Errorf("account %s is in %d requests, want %d", account, len(where[account]), want)
		}
	}
}

func TestLocksKeepAccountsApart(t *testing.T) {
	l := newLocks()
	release, err := l.acquire(t.Context(), []string{"A", "B", "B"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.acquire(t.Context(), []string{"C"})
	if err != nil {
		t.Fatal("a free account was held")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := l.acquire(ctx, []string{"B", "D"}); err == nil {
		t.Fatal("B was taken twice")
	}
	got := make(chan error)
	go func() {
		_, err := l.acquire(t.Context(), []string{"C", "B"})
		got <- err
	}()
	release()
	other()
	if err := <-got; err != nil {
		t.Error(err)
	}
	if _, err := l.acquire(t.Context(), []string{"D"}); err != nil {
		t.Error("an attempt that was given up holds its keys")
	}
}

func TestTaxonomyIsWhole(t *testing.T) {
	known := map[class]bool{}
	for _, c := range bySeverity {
		known[c] = true
	}
	for code, k := range taxonomy {
		if !known[k.class] {
			t.Errorf("%s has a class without a severity: %s", code, k.class)
		}
		if k.fix == "" && k.class != classCollateral {
			t.Errorf("%s says nothing of what to do", code)
		}
	}
}

func BenchmarkBatchOf200(b *testing.B) {
	// The simulator works in the same process, so this is an upper bound of
	// what the sink itself takes.
	for b.Loop() {
		b.StopTimer()
		bench := newBench(b, nil)
		if err := bench.sink.Prepare(b.Context()); err != nil {
			b.Fatal(err)
		}
		for id := range int64(200) {
			bench.missed(id+1, fmt.Sprintf("+33 1 77 00 00 %02d", id%50))
		}
		b.StartTimer()
		bench.turn()
	}
	b.ReportAllocs()
}
