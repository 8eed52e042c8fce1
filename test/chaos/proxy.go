package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/callfold/callfold/test/ports"
)

// proxies are toxiproxy's: one before each broker, between it and all clients.
// Toxiproxy is a process of its own, built from tools/toxiproxy, and is told
// what to do over its HTTP API.
type proxies struct {
	server *child
	api    string
	names  []string
}

// toxic is one of toxiproxy's troubles: https://github.com/Shopify/toxiproxy#toxics.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"` // upstream (to the broker) or downstream
	Toxicity   float64        `json:"toxicity"`
	Attributes map[string]int `json:"attributes"`
}

func (t toxic) String() string { return fmt.Sprintf("%s %s %v", t.Type, t.Stream, t.Attributes) }

// buildProxy builds toxiproxy into dir.
func buildProxy(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "toxiproxy-server")
	cmd := exec.CommandContext(ctx, "go", "build", "-modfile", filepath.Join("tools", "toxiproxy", "go.mod"),
		"-o", binary, "github.com/Shopify/toxiproxy/v2/cmd/server")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building toxiproxy: %w\n%s", err, out)
	}
	return binary, nil
}

// startProxies runs toxiproxy. It has no proxy yet.
func startProxies(ctx context.Context, binary, logs string, seed uint64, died func(*child, error)) (*proxies, error) {
	address, err := ports.Free()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p := &proxies{api: "http://" + address}
	p.server = newChild("toxiproxy", logs, func() *exec.Cmd {
		return exec.Command(binary, "-host", host, "-port", port, "-seed", fmt.Sprint(int64(seed>>1)))
	}, died)
	if err := p.server.start(); err != nil {
		return nil, err
	}
	return p, until(ctx, patience, "toxiproxy answering", func(ctx context.Context) error {
		return p.ask(ctx, http.MethodGet, "/version", nil)
	})
}

// add makes a proxy that listens at one address and connects to another.
func (p *proxies) add(ctx context.Context, listen, upstream string) error {
	name := fmt.Sprintf("broker-%d", len(p.names)+1)
	if err := p.ask(ctx, http.MethodPost, "/proxies", map[string]any{
		"name": name, "listen": listen, "upstream": upstream, "enabled": true,
	}); err != nil {
		return err
	}
	p.names = append(p.names, name)
	return nil
}

// poison puts a toxic on one proxy.
func (p *proxies) poison(ctx context.Context, proxy int, t toxic) error {
	return p.ask(ctx, http.MethodPost, "/proxies/"+p.names[proxy]+"/toxics", t)
}

// down closes a proxy: its connections end and new ones are refused.
func (p *proxies) down(ctx context.Context, proxy int) error {
	return p.ask(ctx, http.MethodPost, "/proxies/"+p.names[proxy], map[string]any{"enabled": false})
}

// heal opens all proxies and takes all toxics away.
func (p *proxies) heal(ctx context.Context) error { return p.ask(ctx, http.MethodPost, "/reset", nil) }

// ask sends one request to toxiproxy's API.
func (p *proxies) ask(ctx context.Context, method, path string, body any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, p.api+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking toxiproxy: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return fmt.Errorf("asking toxiproxy: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("asking toxiproxy: %s %s: %s: %s", method, path, resp.Status, answer)
	}
	return nil
}

// until asks again and again until there is no error, for so long.
func until(ctx context.Context, within time.Duration, what string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
	}
}

// sleep reports false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
