//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"
)

// row is what was measured with one number of calls.
type row struct {
	calls                  int
	stateBytes, storeBytes int64
	restore, timers        time.Duration // from nothing
	afterKill, afterStop   time.Duration // with the tables on disk
	restoreCPU, timersCPU  time.Duration
	memory, peak           int64
}

const head = `| calls | states | on disk | restore from nothing | calls a second | CPU a call | restart after kill −9 | restart after stop | memory under load | at the most | restore with timers | CPU a call |
|---|---|---|---|---|---|---|---|---|---|---|---|`

func (r row) String() string {
	rate := func(d time.Duration) int { return int(float64(r.calls)/d.Seconds()) / 1000 * 1000 }
	s := func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
	mb := func(n int64) string { return fmt.Sprintf("%d MB", n>>20) }
	each := func(d time.Duration) string {
		return fmt.Sprintf("%.1f µs", float64(d.Microseconds())/float64(r.calls))
	}
	return fmt.Sprintf("| %d | %s | %s | %s | %d | %s | %s | %s | %s | %s | %s | %s |", r.calls, mb(r.stateBytes), mb(r.storeBytes),
		s(r.restore), rate(r.restore), each(r.restoreCPU), s(r.afterKill), s(r.afterStop), mb(r.memory), mb(r.peak), s(r.timers), each(r.timersCPU))
}

// Size of the drawing, and its margins.
const (
	width, height = 640, 320
	left, right   = 70, 40
	bottom        = 50
)

// curve draws memory over calls, with a dashed line for the bytes of the states.
func curve(rows []row) string {
	maxCalls, maxBytes := 1, int64(1)
	for _, r := range rows {
		maxCalls, maxBytes = max(maxCalls, r.calls), max(maxBytes, r.peak, r.stateBytes)
	}
	at := func(calls int, bytes int64) string {
		x := left + float64(width-left-right)*float64(calls)/float64(maxCalls)
		y := float64(height-bottom) - float64(height-bottom-30)*float64(bytes)/float64(maxBytes)
		return fmt.Sprintf("%.0f,%.0f ", x, y)
	}
	lines := []struct {
		name, color, dash string
		of                func(row) int64
	}{
		{"bytes of all states", "#999999", "6 4", func(r row) int64 { return r.stateBytes }},
		{"memory at the most", "#b35900", "", func(r row) int64 { return r.peak }},
		{"memory under load", "#1f5fa8", "", func(r row) int64 { return r.memory }},
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<path d="M%d 20V%dH%d" fill="none" stroke="black"/>`+"\n", left, height-bottom, width-right)
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%d MB</text><text x="%d" y="%d" text-anchor="end">0</text>`+"\n", left-6, 34, maxBytes>>20, left-6, height-bottom)
	for i, l := range lines {
		var points strings.Builder
		for _, r := range rows {
			points.WriteString(at(r.calls, l.of(r)))
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n", strings.TrimSpace(points.String()), l.color, l.dash)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", left+12, 32+16*i, l.color, l.name)
	}
	for _, r := range rows {
		x, _, _ := strings.Cut(at(r.calls, 0), ",")
		fmt.Fprintf(&b, `<text x="%s" y="%d" text-anchor="middle">%d</text>`+"\n", x, height-bottom+18, r.calls)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">calls</text>`+"\n</svg>\n", (left+width)/2, height-12)
	return b.String()
}
