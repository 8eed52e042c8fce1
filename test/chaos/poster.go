package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// digest identifies a body as it is stored: without its token.
type digest [16]byte

func digestOf(stored []byte) digest {
	sum := sha256.Sum256(stored)
	return digest(sum[:16])
}

// stored is what the topic events must hold of a generated body: all of it but
// the token. It is said here once more, so that the checker does not believe
// the code that it checks.
func stored(body []byte) []byte {
	return bytes.Replace(body, []byte(`"token":"`+token+`",`), nil, 1)
}

// poster posts bodies as Aircall does: what is not answered with 200 within five
// seconds is posted again, until it is. It enters what was answered into the
// ledger, and remembers what else it posted.
type poster struct {
	urls   []string
	ledger *ledger
	client *http.Client
	every  time.Duration // between two bodies at the least; 0 = as fast as it goes

	mu      sync.Mutex
	bodies  *bodies
	nextAt  time.Time
	stopped bool
	// unanswered counts, by body, the posts that got no 200: the event may be
	// in the topic all the same.
	unanswered map[digest]int

	failed atomic.Int64 // posts that got no 200
}

func newPoster(b *bodies, l *ledger, urls []string, rate float64) *poster {
	p := &poster{
		bodies: b, ledger: l, urls: urls, unanswered: map[digest]int{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 5 * time.Second},
	}
	if rate > 0 {
		p.every = time.Duration(float64(time.Second) / rate)
	}
	return p
}

// run posts with so many workers until stop is called, and then until all that
// it began to post is accepted. ctx breaks that off.
func (p *poster) run(ctx context.Context, workers int) error {
	group, ctx := errgroup.WithContext(ctx)
	for worker := range workers {
		group.Go(func() error {
			for turn := worker; ; turn++ {
				body, at := p.take()
				if body == nil || !sleep(ctx, time.Until(at)) {
					return ctx.Err()
				}
				if err := p.deliver(ctx, body, turn); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// stop makes the workers end with the bodies that they have.
func (p *poster) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
}

// take is the next body and when to post it, nil at the end.
func (p *poster) take() ([]byte, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil, time.Time{}
	}
	now := time.Now()
	if p.nextAt.Before(now.Add(-time.Second)) {
		p.nextAt = now // an outage is not made up for by a burst
	}
	p.nextAt = p.nextAt.Add(p.every)
	return p.bodies.next(), p.nextAt
}

// errRefused says that a generated body was not taken for an event, which is
// nobody's fault but ours.
var errRefused = errors.New("a generated body was refused")

// deliver posts a body, to one endpoint after the other, until it is accepted.
func (p *poster) deliver(ctx context.Context, body []byte, turn int) error {
	for {
		err := p.post(ctx, p.urls[turn%len(p.urls)], body)
		if err == nil {
			return p.ledger.add(body)
		}
		if errors.Is(err, errRefused) {
			return err
		}
		p.failed.Add(1)
		p.mu.Lock()
		p.unanswered[digestOf(stored(body))]++
		p.mu.Unlock()
		turn++
		if !sleep(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
}

func (p *poster) post(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusOK && bytes.Contains(answer, []byte(`"accepted"`)):
		return nil
	case resp.StatusCode == http.StatusServiceUnavailable:
		return errors.New(resp.Status)
	}
	return fmt.Errorf("%w: %s: %s", errRefused, resp.Status, answer)
}
