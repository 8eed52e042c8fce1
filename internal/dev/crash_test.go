package dev

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/schemas/oracle"
	"github.com/callfold/callfold/test/tasks"
)

func TestInterruptedInMidWork(t *testing.T) {
	crashTest(t, 2, func(p *process) {
		if err := p.end(syscall.SIGINT); err != nil {
			t.Errorf("Ctrl-C did not end it in order: %v", err)
		}
	})
}

func TestKilledTenTimes(t *testing.T) {
	crashTest(t, 10, func(p *process) { _ = p.end(syscall.SIGKILL) })
}

// crashTest posts generated calls, ends the process and starts it again, so many
// times, while more are posted. At the end the calls and the Tasks must be
// those that the oracle and the projector make of the bodies.
func crashTest(t *testing.T, times int, end func(*process)) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("CRASH_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("seed %d; set CRASH_SEED to repeat", seed)
	bodies := generate(seed, 30*times)

	p := newProcess(t)
	p.start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	posting, pctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range 4 {
		posting.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return nil
				}
				if err := p.post(pctx, bodies[i]); err != nil {
					return err
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range times {
		// In mid-work: a random piece into the next part of the bodies.
		until := int64(len(bodies)*i/times + random.IntN(len(bodies)/times))
		for next.Load() < until && pctx.Err() == nil {
			time.Sleep(time.Millisecond) // polling
		}
		end(p)
		p.start()
	}
	if err := posting.Wait(); err != nil {
		t.Fatal(err)
	}
	compare(ctx, t, p, bodies)
}

// generate makes the bodies of so many calls as Aircall delivers them,
// interleaved.
func generate(seed uint64, calls int) [][]byte {
	g := traffic.New(traffic.Options{Seed: seed, Start: time.Now().Add(-30 * 24 * time.Hour), Token: Token})
	var all []traffic.Delivery
	for range calls {
		all = append(all, g.Deliver(g.Call())...)
	}
	slices.SortStableFunc(all, func(a, b traffic.Delivery) int { return a.At.Compare(b.At) })
	var bodies [][]byte
	for _, d := range all {
		// What is still to come when the test runs would be refused.
		if d.At.Before(time.Now()) {
			bodies = append(bodies, d.Body)
		}
	}
	return bodies
}

// compare waits until the topic calls and Salesforce hold what the bodies mean.
func compare(ctx context.Context, t *testing.T, p *process, bodies [][]byte) {
	t.Helper()
	states := oracle.Fold(bodies)
	records := map[int64]schemas.CallRecord{}
	for id, state := range states {
		records[id] = schemas.CallRecord{State: state}
	}
	wanted, err := tasks.Wanted(records, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var differences []string
	for ctx.Err() == nil {
		gotStates, gotTasks := readCalls(ctx, t, p), readTasks(ctx, t, p)
		differences = append(differ("call", hashes(states), gotStates), differTasks(wanted, gotTasks)...)
		if len(differences) == 0 {
			t.Logf("%d bodies, %d calls, %d Tasks: all right", len(bodies), len(states), len(wanted))
			return
		}
		time.Sleep(time.Second) // polling
	}
	t.Fatalf("%d differences, among them:\n%s", len(differences), strings.Join(differences[:min(10, len(differences))], "\n"))
}

func hashes(states map[int64]schemas.Call) map[string]string {
	h := map[string]string{}
	for id, s := range states {
		h[strconv.FormatInt(id, 10)] = s.Hash()
	}
	return h
}

func differ(what string, want, got map[string]string) []string {
	var d []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if want[k] != got[k] {
			d = append(d, fmt.Sprintf("%s %s: %q, want %q", what, k, got[k], want[k]))
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			d = append(d, fmt.Sprintf("%s %s: it should not be there", what, k))
		}
	}
	return d
}

func differTasks(want, got map[string]map[string]string) []string {
	var d []string
	for id, fields := range want {
		if got[id] == nil {
			d = append(d, fmt.Sprintf("call %s has no Task", id))
			continue
		}
		for _, wrong := range tasks.Differing(fields, got[id]) {
			d = append(d, "Task of call "+id+": "+wrong)
		}
	}
	if len(got) > len(want) {
		d = append(d, fmt.Sprintf("%d Tasks, want %d", len(got), len(want)))
	}
	return d
}

// readCalls reads the topic calls: the hash of each newest state.
func readCalls(ctx context.Context, t *testing.T, p *process) map[string]string {
	t.Helper()
	_, addr, _ := p.addresses()
	start := kgo.NewOffset().AtStart()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics("aircall.calls"), kgo.ConsumeStartOffset(start),
		kgo.ConsumeResetOffset(start), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	got := map[string]string{}
	for {
		pctx, cancel := context.WithTimeout(ctx, time.Second)
		fetches := cl.PollFetches(pctx)
		cancel()
		if fetches.NumRecords() == 0 {
			return got
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if stream.IsMarker(r) {
				return
			}
			v, err := schemas.Calls.Decode(stream.Header(r, schemas.HeaderSchema), r.Value)
			if err != nil {
				t.Fatal(err)
			}
			got[string(r.Key)] = v.State.Hash()
		})
	}
}

// readTasks asks Salesforce for all Tasks, by call id.
func readTasks(ctx context.Context, t *testing.T, p *process) map[string]map[string]string {
	t.Helper()
	_, _, addr := p.addresses()
	cl, err := salesforce.New(salesforce.Options{
		LoginURL: "http://" + addr, APIVersion: "64.0",
		Flow: salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"},
	})
	if err != nil {
		t.Fatal(err)
	}
	describe, err := cl.Describe(ctx, "Task")
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, f := range describe.Fields {
		fields = append(fields, f.Name)
	}
	records, err := cl.QueryAll(ctx, "SELECT "+strings.Join(fields, ", ")+" FROM Task WHERE IsDeleted = false")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]string{}
	for _, r := range records {
		task := tasks.Held(r)
		id := cmp.Or(task["Aircall_Call_Id__c"], "Task without a call id "+task["Id"])
		if got[id] != nil {
			t.Fatalf("two Tasks of call %s", id)
		}
		got[id] = task
	}
	return got
}
