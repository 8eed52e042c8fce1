package observe

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Health gathers from the components of a process whether they are ready. The
// zero value has no component and is not ready; use NewHealth.
type Health struct {
	mu      sync.Mutex
	order   []string
	reasons map[string]string // empty = ready
	remarks map[string]string // of ready components
	loops   []loop
}

// loop is what /healthz asks.
type loop struct {
	name  string
	alive func() error
}

// NewHealth has the named components, each not ready with the reason "starting",
// so that readiness cannot come before a component has said a word.
func NewHealth(components ...string) *Health {
	h := &Health{reasons: map[string]string{}, remarks: map[string]string{}}
	for _, name := range components {
		h.NotReady(name, "starting")
	}
	return h
}

// Ready says that the component works.
func (h *Health) Ready(component string) { h.set(component, "", "") }

// ReadyBut says that the component works, with something that an operator
// should know all the same.
func (h *Health) ReadyBut(component, remark string) { h.set(component, "", remark) }

// NotReady says that the component does not work, and why, in words for an operator.
func (h *Health) NotReady(component, reason string) {
	if reason == "" {
		reason = "not ready"
	}
	h.set(component, reason, "")
}

func (h *Health) set(component, reason, remark string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.reasons[component]; !known {
		h.order = append(h.order, component)
	}
	h.reasons[component], h.remarks[component] = reason, remark
}

// Watch has /healthz ask whether a loop turns that does the work of this process. An
// error is one that only a new start can mend: a broker or an org that is away is none.
// alive must not wait for anything.
func (h *Health) Watch(name string, alive func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loops = append(h.loops, loop{name, alive})
}

// Component is the state of one component.
type Component struct {
	Name   string
	Ready  bool
	Reason string // why it is not ready
	Remark string // what to know of it though it is
}

// Components are the states of all, in the order in which they came.
func (h *Health) Components() []Component {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]Component, 0, len(h.order))
	for _, name := range h.order {
		all = append(all, Component{Name: name, Ready: h.reasons[name] == "", Reason: h.reasons[name], Remark: h.remarks[name]})
	}
	return all
}

// ready tells whether all components are; a process without any is not.
func ready(components []Component) bool {
	return len(components) > 0 && !slices.ContainsFunc(components, func(c Component) bool { return !c.Ready })
}

// serveReady answers 200 once every component is ready, otherwise 503, with a
// line for each component.
func (h *Health) serveReady(w http.ResponseWriter, _ *http.Request) {
	components := h.Components()
	status := http.StatusOK
	if !ready(components) {
		status = http.StatusServiceUnavailable
	}
	var body strings.Builder
	for _, c := range components {
		switch {
		case !c.Ready:
			fmt.Fprintf(&body, "%s: not ready: %s\n", c.Name, c.Reason)
		case c.Remark != "":
			fmt.Fprintf(&body, "%s: ready, but: %s\n", c.Name, c.Remark)
		default:
			fmt.Fprintf(&body, "%s: ready\n", c.Name)
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body.String())) // the prober has gone: nobody is left to tell
}

// serveAlive answers 200 as long as all loops turn, otherwise 503, with a line for
// each loop. A supervisor should then start the process anew.
func (h *Health) serveAlive(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	loops := slices.Clone(h.loops)
	h.mu.Unlock()
	status := http.StatusOK
	body := ""
	for _, l := range loops {
		if err := l.alive(); err != nil {
			status = http.StatusServiceUnavailable
			body += fmt.Sprintf("%s: hangs: %v\n", l.name, err)
		} else {
			body += l.name + ": alive\n"
		}
	}
	if len(loops) == 0 {
		body = "alive\n" // since it answers
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // as in serveReady
}
