//go:build synctests

package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/schemas"
)

// machine is a world in which a schedule is played.
type machine struct {
	*world
	schedule
	dir    string
	places map[string]*place
	faults []*kfake.FaultHandle
	healed atomic.Bool // nothing may happen any more
	back   atomic.Int64
	disks  int

	mu    sync.Mutex
	named map[string][]*stage // all that ever ran, for the broker's goroutine
}

// place is where an instance runs: what runs there, and its disk.
type place struct {
	running *stage
	lanes   int
	dir     string
	old     string   // a copy of the disk, as of the last stop in good order
	zombies []*stage // whose place another has taken
}

func (m *machine) do(a action) {
	if m.places[a.who] == nil {
		m.places[a.who] = &place{}
	}
	p := m.places[a.who]
	if p.running != nil && p.running.ctx.Err() != nil {
		m.kill(p) // it was, at a request
	}
	switch a.what {
	case send:
		m.send(a.n)
	case sendPoison:
		for i := range a.n {
			m.sendPoison(strconv.Itoa(i))
		}
	case start:
		m.begin(p, a)
	case replace:
		if p.running != nil {
			p.running.plug.Pull()
			p.zombies = append(p.zombies, p.running)
			p.running, p.dir = nil, ""
		}
		m.begin(p, a)
	case stop:
		m.end(p)
	case killNow:
		m.kill(p)
	case killAll:
		for _, p := range m.places {
			m.kill(p)
		}
	case killAt, unplugAt:
		m.at(a)
	case unplug:
		if p.running != nil {
			p.running.plug.Pull()
		}
	case plugIn:
		for _, s := range p.zombies {
			s.plug.PutBack()
		}
		if p.running != nil {
			p.running.plug.PutBack()
		}
	case fail:
		m.faults = append(m.faults, a.fault.onBroker(m.cluster))
	case loseLeader:
		m.faults = append(m.faults, m.leaderless(int32(a.n%partitions), "state", "rejected"))
	case findLeader:
		m.removeFaults()
	case setBack:
		m.back.Add(int64(time.Hour))
	}
	time.Sleep(a.pause) // virtual
}

// begin starts an instance where none runs.
func (m *machine) begin(p *place, a action) {
	if p.running != nil {
		return
	}
	if a.disk != "kept" || p.dir == "" {
		m.disks++
		p.dir = filepath.Join(m.dir, strconv.Itoa(m.disks))
		if a.disk == "old" && p.old != "" {
			m.check(os.CopyFS(p.dir, os.DirFS(p.old)))
		}
	}
	p.lanes = a.n
	p.running = m.start(a.who, func(o *Options[tally]) {
		o.StateDir, o.Lanes, o.GroupProtocol = p.dir, a.n, m.protocol
		o.BatchRecords, o.HotStates = m.batch, m.hot
		o.Handler = handlerFunc(m.handle)
		o.Now = m.now
		if m.timers {
			o.Timer = func(v tally) (time.Time, bool) { return time.UnixMilli(v.Due), v.Due != 0 }
		}
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.named[a.who] = append(m.named[a.who], p.running)
}

func (m *machine) now() time.Time { return time.Now().Add(-time.Duration(m.back.Load())) }

// end stops an instance in good order and copies its disk.
func (m *machine) end(p *place) {
	if p.running == nil {
		return
	}
	p.running.stop()
	p.running = nil
	m.disks++
	p.old = filepath.Join(m.dir, strconv.Itoa(m.disks))
	m.check(os.CopyFS(p.old, os.DirFS(p.dir)))
}

// kill cuts an instance off. Its disk can be used again when it has ended.
func (m *machine) kill(p *place) {
	if p.running == nil {
		return
	}
	p.running.kill()
	<-p.running.ended
	m.check(p.running.err)
	p.running = nil
}

// at kills or unplugs an instance at a request.
func (m *machine) at(a action) {
	left := a.n
	m.cluster.ControlKey(int16(a.at), func(req kmsg.Request) (kmsg.Response, error, bool) {
		m.cluster.KeepControl()
		if r, ok := req.(*kmsg.InitProducerIDRequest); ok && r.TransactionalID == nil {
			return nil, nil, false // of the test's own client, which gives up
		}
		if left--; left > 0 && !m.healed.Load() {
			return nil, nil, false
		}
		m.cluster.DropControl()
		if m.healed.Load() {
			return nil, nil, false
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, s := range m.named[a.who] {
			s.plug.Pull()
			if a.what == killAt {
				s.cancel()
			}
		}
		if a.effect {
			return nil, nil, false
		}
		return nil, errors.New("cut"), true
	})
}

// handle folds so that a lost, doubled or misplaced record shows: the sum depends
// on the order.
func (m *machine) handle(ctx context.Context, b *Batch[tally]) error {
	if m.takes > 0 && !pause(ctx, m.takes) {
		return ctx.Err()
	}
	return b.Each(ctx, func(_ context.Context, p *Partition[tally]) error {
		for _, key := range p.Due {
			v, _, err := p.Get(key)
			if err != nil {
				return err
			}
			v.Rung, v.Due = v.Rung+1, 0
			p.Put(key, v)
		}
		for _, r := range p.Records {
			v, _, err := p.Get(string(r.Key))
			if err != nil {
				return err
			}
			if !v.add(r) {
				if err := p.Reject(r, schemas.NotJSON, "no number"); err != nil {
					return err
				}
				continue
			}
			if m.timers {
				v.Due = b.Now.Add(5 * time.Second).UnixMilli()
			}
			p.Put(string(r.Key), v)
		}
		return nil
	})
}

// add is one step of the fold; it reports whether the record can be used.
func (v *tally) add(r *kgo.Record) bool {
	n, err := strconv.ParseInt(string(r.Value), 10, 64)
	if err != nil {
		return false
	}
	v.Count++
	v.Sum = v.Sum*1_000_003 + n
	return true
}

func (m *machine) removeFaults() {
	for _, f := range m.faults {
		f.Remove()
	}
	m.faults = nil
}

// heal ends all trouble, and waits until the whole input is handled and no timer
// is set any more. It reports false where that cannot be, see forgotten.
func (m *machine) heal() bool {
	m.healed.Store(true)
	m.removeFaults()
	m.back.Store(0)
	for _, p := range m.places {
		for _, s := range p.zombies {
			s.kill()
		}
	}
	for _, who := range slices.Sorted(maps.Keys(m.places)) {
		p := m.places[who]
		if p.running == nil {
			continue
		}
		if p.running.ctx.Err() != nil { // killed at a request
			m.kill(p)
			continue
		}
		p.running.plug.PutBack()
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(m.places)), func(p *place) bool { return p.running != nil }) {
		m.do(action{what: start, who: "a", n: 1, disk: "kept"})
	}
	m.buryTheDead()
	if m.protocol == ConsumerProtocol && m.forgotten() {
		return false
	}
	m.wait("the whole input is committed", m.drained)
	m.wait("no timer is set", func() bool {
		for _, v := range m.states() {
			if v.Due != 0 {
				return false
			}
		}
		return true
	})
	return true
}

// forgotten tells that the broker gives a partition to no member of a group at rest, to
// which all lanes that run belong, for five minutes. With the protocol "consumer" it alone
// decides, and the embedded one sometimes takes a partition of a static member that has
// left for one that is still owned. Apache Kafka gives it to another.
func (m *machine) forgotten() bool {
	atRest := 0
	for range 600 {
		group := m.cluster.GroupInfo("g")
		switch {
		case group == nil:
		case len(owned(group)) == partitions:
			return false
		case group.State == "Stable" && m.allLanesIn(group):
			atRest++
		default:
			atRest = 0
		}
		if atRest == 300 {
			return true
		}
		time.Sleep(time.Second) // virtual
	}
	return false
}

// owned are the partitions that some member has.
func owned(group *kfake.GroupInfo) map[int32]bool {
	all := map[int32]bool{}
	for _, member := range group.Members {
		for _, p := range member.Assignment["in"] {
			all[p] = true
		}
	}
	return all
}

// allLanesIn tells whether the members of a group are the lanes that run.
func (m *machine) allLanesIn(group *kfake.GroupInfo) bool {
	members := map[string]bool{}
	for _, member := range group.Members {
		if member.InstanceID == nil {
			return false
		}
		members[*member.InstanceID] = true
	}
	return maps.Equal(members, m.lanesThatRun())
}

// lanesThatRun are the instance ids of the members that there should be.
func (m *machine) lanesThatRun() map[string]bool {
	ids := map[string]bool{}
	for who, p := range m.places {
		for lane := range p.lanes {
			if p.running != nil {
				ids[laneID(who, lane)] = true
			}
		}
	}
	return ids
}

func laneID(who string, lane int) string { return fmt.Sprintf("g-%s-%d", who, lane) }

// buryTheDead takes members out of the group that no longer run. The embedded
// broker forgets to time a member out whose connection was gone when its JoinGroup
// was answered, and a static one that left as if to come back: they would keep their
// partitions for ever. Apache Kafka does not.
func (m *machine) buryTheDead() {
	m.t.Helper()
	time.Sleep(2 * QuickTimeouts.Session) // virtual
	alive := m.lanesThatRun()
	if m.protocol == ConsumerProtocol {
		for who := range m.places {
			for lane := range 2 {
				if id := laneID(who, lane); !alive[id] {
					m.remove(id)
				}
			}
		}
		return
	}
	group := m.cluster.GroupInfo("g")
	if group == nil {
		return
	}
	leave := kadm.LeaveGroup("g").Reason("it was killed")
	for _, member := range group.Members {
		if id := member.InstanceID; id != nil && !alive[*id] {
			leave = leave.InstanceIDs(*id)
		}
	}
	_, err := kadm.NewClient(m.client).LeaveGroup(context.Background(), leave)
	m.check(err)
}
