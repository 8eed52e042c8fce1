package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// endsWithin bounds how long a stage may take to end in order.
const endsWithin = 40 * time.Second

// do does a step and returns when the next may come. What it left to be mended
// later is mended in the background, see harness.later.
func (h *harness) do(ctx context.Context, s step) error {
	if !sleep(ctx, s.pause) {
		return nil
	}
	h.diary.say("%v", s)
	switch s.kind {
	case killStage, termStage, wipeStage:
		return h.end(ctx, h.process(s), s)
	case takeOver:
		return h.takeOver(ctx, s)
	case pauseStage:
		return h.pause(s)
	case lostAnswer, lateAnswer:
		h.holdAnswer(s)
		return nil
	case everything:
		return h.killEverything(ctx, s)
	case bounceClean, bounceHard:
		return h.bounce(ctx, s)
	case loseAnswers:
		return h.loseAnswers(ctx, s)
	case brokersAway:
		return h.brokersAway(ctx, s)
	case network:
		return h.trouble(ctx, s)
	case leaderless:
		return h.leaderless(ctx, s)
	}
	return fmt.Errorf("there is no step %q", s.kind)
}

// process is the process that a step concerns: the other one of its stage
// while that one is a zombie, which would be nobody's trouble when dead.
func (h *harness) process(s step) *stage {
	p := h.of(s.stage)[s.number]
	if p.paused.Load() {
		p = h.of(s.stage)[(s.number+1)%perKind]
	}
	return p
}

// end ends a process and starts it again.
func (h *harness) end(ctx context.Context, p *stage, s step) error {
	if s.kind == termStage {
		h.report.add("terms", 1)
		if err := p.end(syscall.SIGTERM, endsWithin); err != nil {
			h.complain(err)
		}
	} else {
		h.report.add("kills", 1)
		if p.kind == "sink" {
			h.org.killed(p.number)
		}
		if err := p.kill(); err != nil {
			return err
		}
	}
	if s.kind == wipeStage {
		h.report.add("wiped state directories", 1)
		if err := p.wipe(); err != nil {
			return err
		}
	}
	sleep(ctx, s.length)
	return p.start()
}

// takeOver kills a sink whose write Salesforce has done and not answered.
func (h *harness) takeOver(ctx context.Context, s step) error {
	p := h.process(s)
	t := h.org.catch(p.number)
	defer close(t.release)
	patience := time.NewTimer(10 * time.Second)
	defer patience.Stop()
	select {
	case <-t.caught:
		return h.end(ctx, p, s)
	case <-patience.C:
		h.diary.say("%s wrote nothing", p.name)
	case <-ctx.Done():
	}
	h.org.uncatch(p.number, t)
	return nil
}

// holdAnswer holds the next answer to a sink back: for ever, or for longer than
// it waits. Then the connection ends without it.
func (h *harness) holdAnswer(s step) {
	t := h.org.catch(s.number)
	h.later(func(ctx context.Context) error {
		defer close(t.release)
		select {
		case <-t.caught:
			h.org.count(s.kind)
			sleep(ctx, s.length)
		case <-ctx.Done():
			h.org.uncatch(s.number, t)
		}
		return nil
	})
}

// pause makes a zombie: the process stands still until the group has given its
// work to others, and then goes on as if nothing had happened.
func (h *harness) pause(s step) error {
	p := h.process(s)
	h.report.add("zombies", 1)
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	p.paused.Store(true)
	h.later(func(ctx context.Context) error {
		sleep(ctx, s.length)
		p.paused.Store(false)
		return p.signal(syscall.SIGCONT)
	})
	return nil
}

// killEverything kills all stages and all brokers at once and starts them again.
// The embedded broker then wants fresh transactional ids (package broker), which
// the stages get with another instance name.
func (h *harness) killEverything(ctx context.Context, s step) error {
	h.nodes.Lock()
	defer h.nodes.Unlock()
	h.wire.Lock()
	defer h.wire.Unlock()
	var all errgroup.Group
	for _, p := range h.stages {
		if p.kind == "sink" {
			h.org.killed(p.number)
		}
		all.Go(p.kill)
	}
	for node := range h.broker.nodes() {
		all.Go(func() error { return h.broker.kill(node) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	h.report.add("kills", len(h.stages))
	h.report.add("everything killed at once", 1)
	sleep(ctx, s.length)
	if !h.broker.survivesKill() {
		h.generation++
	}
	for _, p := range h.stages {
		if h.generation > 0 {
			p.instance = fmt.Sprintf("%s-%d", p.name, h.generation)
		}
		all.Go(p.start)
	}
	for node := range h.broker.nodes() {
		all.Go(func() error { return h.broker.start(context.WithoutCancel(ctx), node) })
	}
	return all.Wait()
}

// bounce ends one broker and starts it again. The next steps need not wait until
// it is back, but for those that concern brokers.
func (h *harness) bounce(ctx context.Context, s step) error {
	h.nodes.Lock()
	var err error
	if s.kind == bounceHard {
		h.report.add("brokers killed", 1)
		err = h.broker.kill(s.number)
	} else {
		h.report.add("brokers stopped", 1)
		err = h.broker.stop(ctx, s.number)
	}
	h.later(func(ctx context.Context) error {
		defer h.nodes.Unlock()
		sleep(ctx, s.length)
		return h.broker.start(context.WithoutCancel(ctx), s.number)
	})
	return err
}

// leaderless stops all brokers but one: what is left is no majority.
func (h *harness) leaderless(ctx context.Context, s step) error {
	h.nodes.Lock()
	defer h.nodes.Unlock()
	h.report.add("leaderless", 1)
	for node := 1; node < h.broker.nodes(); node++ {
		if err := h.broker.kill(node); err != nil {
			return err
		}
	}
	sleep(ctx, s.length)
	var all errgroup.Group
	for node := 1; node < h.broker.nodes(); node++ {
		all.Go(func() error { return h.broker.start(ctx, node) })
	}
	return all.Wait()
}

// loseAnswers drops what the brokers answer while transactions run: they
// commit, and the stages cannot know.
func (h *harness) loseAnswers(ctx context.Context, s step) error {
	h.wire.Lock()
	defer h.wire.Unlock()
	if err := h.untilBusy(ctx); err != nil {
		h.diary.say("%v", err)
	}
	h.report.add("network faults", 1)
	for node := range h.broker.nodes() {
		if err := h.proxies.poison(ctx, node, toxic{"timeout", "downstream", 1, map[string]int{"timeout": 0}}); err != nil {
			return err
		}
	}
	sleep(ctx, s.length)
	return h.proxies.heal(context.WithoutCancel(ctx))
}

// untilBusy waits until the processors commit transactions.
func (h *harness) untilBusy(ctx context.Context) error {
	before := h.counters.total("callfold_transactions_total", `stage="processor"`, `result="committed"`)
	return until(ctx, 15*time.Second, "transactions of the processor", func(context.Context) error {
		if h.counters.total("callfold_transactions_total", `stage="processor"`, `result="committed"`) == before {
			return errors.New("it commits nothing")
		}
		return nil
	})
}

// brokersAway closes all proxies for a while.
func (h *harness) brokersAway(ctx context.Context, s step) error {
	h.wire.Lock()
	defer h.wire.Unlock()
	h.report.add("network faults", 1)
	for node := range h.broker.nodes() {
		if err := h.proxies.down(ctx, node); err != nil {
			return err
		}
	}
	sleep(ctx, s.length)
	return h.proxies.heal(context.WithoutCancel(ctx))
}

// trouble puts a toxic on a proxy. The next steps need not wait for its end.
func (h *harness) trouble(ctx context.Context, s step) error {
	h.wire.Lock()
	h.report.add("network faults", 1)
	var err error
	if s.toxic.Type == "down" {
		err = h.proxies.down(ctx, s.number)
	} else {
		err = h.proxies.poison(ctx, s.number, s.toxic)
	}
	h.later(func(ctx context.Context) error {
		defer h.wire.Unlock()
		sleep(ctx, s.length)
		return h.proxies.heal(context.WithoutCancel(ctx))
	})
	return err
}

// later does something beside the next steps. The context ends when everything
// has to be healed.
func (h *harness) later(work func(context.Context) error) {
	h.mending.Go(func() error { return work(h.mendingCtx) })
}
