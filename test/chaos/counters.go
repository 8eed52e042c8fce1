package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// scrapeEvery is how often the stages are asked for their metrics. What a stage
// counts between the last time and its death is not seen.
const scrapeEvery = 500 * time.Millisecond

// counters are the stages' metrics, summed over all their incarnations.
type counters struct {
	client *http.Client

	mu      sync.Mutex
	retired map[string]float64  // of the incarnations that ended
	present map[*stage]*scraped // of those that run
}

// scraped is what an incarnation said last.
type scraped struct {
	life   int
	values map[string]float64 // by series: name, or name{labels}
}

func newCounters() *counters {
	return &counters{
		client:  &http.Client{Timeout: scrapeEvery},
		retired: map[string]float64{}, present: map[*stage]*scraped{},
	}
}

// run scrapes until ctx ends.
func (c *counters) run(ctx context.Context, stages []*stage) {
	for sleep(ctx, scrapeEvery) {
		var all sync.WaitGroup
		for _, s := range stages {
			all.Go(func() { c.scrape(ctx, s) })
		}
		all.Wait()
	}
}

// scrape asks one stage. One that does not answer is down, paused or busy.
func (c *counters) scrape(ctx context.Context, s *stage) {
	life := s.life()
	if life == 0 {
		return
	}
	values, err := c.ask(ctx, s.admin)
	if err != nil || s.life() != life {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := c.present[s]; last != nil && last.life != life {
		for series, v := range last.values {
			c.retired[series] += v
		}
	}
	c.present[s] = &scraped{life, values}
}

func (c *counters) ask(ctx context.Context, address string) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return parseMetrics(resp.Body)
}

// total sums a counter over all incarnations and all series that carry the
// labels, each written as in the exposition format: result="aborted".
func (c *counters) total(name string, labels ...string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sumSeries(c.retired, name, labels)
	for _, s := range c.present {
		sum += sumSeries(s.values, name, labels)
	}
	return int(sum)
}

// now sums a gauge over the stages that run. It reports false as long as one of
// them has not said it, or not in this life.
func (c *counters) now(name string, stages []*stage) (sum float64, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range stages {
		said := c.present[s]
		if said == nil || said.life != s.life() {
			return 0, false
		}
		if !hasSeries(said.values, name) {
			return 0, false
		}
		sum += sumSeries(said.values, name, nil)
	}
	return sum, true
}

func sumSeries(values map[string]float64, name string, labels []string) (sum float64) {
	for series, v := range values {
		if carries(series, name, labels) {
			sum += v
		}
	}
	return sum
}

func hasSeries(values map[string]float64, name string) bool {
	for series := range values {
		if carries(series, name, nil) {
			return true
		}
	}
	return false
}

func carries(series, name string, labels []string) bool {
	got, rest, _ := strings.Cut(series, "{")
	if got != name {
		return false
	}
	for _, l := range labels {
		if !strings.Contains(rest, l) {
			return false
		}
	}
	return true
}

// parseMetrics reads our own series of the text exposition format.
func parseMetrics(r io.Reader) (map[string]float64, error) {
	values := map[string]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, "callfold_") {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		if cut < 0 {
			return nil, fmt.Errorf("reading metrics: %q has no value", line)
		}
		v, err := strconv.ParseFloat(line[cut+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("reading metrics: %w", err)
		}
		values[line[:cut]] = v
	}
	return values, lines.Err()
}
