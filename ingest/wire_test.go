package ingest

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// raw writes bytes on a connection as they are and returns the status line of
// the answer, and how long it took.
func (s site) raw(t *testing.T, write func(conn net.Conn)) (string, time.Duration) {
	t.Helper()
	conn, err := s.network.DialContext(t.Context(), "tcp", "localhost:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	started := time.Now()
	go write(conn)
	answer := make([]byte, 12) // HTTP/1.1 200
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Fatal(err)
	}
	took := time.Since(started)
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	synctest.Wait()
	return string(answer), took
}

func TestBodiesOnTheWire(t *testing.T) {
	const head = "POST /webhooks/aircall HTTP/1.1\r\nHost: localhost\r\n"
	text := func(s string) func(net.Conn) {
		return func(conn net.Conn) { _, _ = io.WriteString(conn, s) }
	}
	body := `{"resource":"call","event":"call.created","timestamp":1,"token":"secret","data":{"id":812}}`
	for _, c := range []struct {
		name    string
		write   func(net.Conn)
		want    string
		took    time.Duration
		records int
	}{
		{"chunked", text(fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", head, body[:5], len(body)-5, body[5:])), "HTTP/1.1 200", 0, 1},
		{"longer than it says, so cut off", text(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, 40, body)), "HTTP/1.1 400", 0, 0},
		{"shorter than it says", text(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, 4000, body)), "HTTP/1.1 503", 4 * time.Second, 0},
		{"shorter than it says, no token", text(fmt.Sprintf("%sContent-Length: %d\r\n\r\n{", head, 4000)), "HTTP/1.1 400", 4 * time.Second, 0},
		{"says that it is huge, and comes slowly", func(conn net.Conn) {
			_, _ = io.WriteString(conn, head+"Content-Length: 100000000000\r\n\r\n")
			for {
				if _, err := io.WriteString(conn, " "); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond) // virtual
			}
		}, "HTTP/1.1 400", 4 * time.Second, 0},
		{"8 MiB with a token gets its answer", func(conn net.Conn) {
			_, _ = fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n", head, 8<<20)
			_, _ = io.WriteString(conn, tokenFirst+strings.Repeat("x", 8<<20-len(tokenFirst)-len(dataLast))+dataLast)
		}, "HTTP/1.1 200", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			onSite(t, func(t *testing.T, s site) {
				got, took := s.raw(t, c.write)
				if took = took.Truncate(100 * time.Millisecond); got != c.want || took != c.took {
					t.Errorf("%s after %v, want %s after %v", got, took, c.want, c.took)
				}
				if got := s.read(t, "events", max(1, c.records)); len(got) != c.records {
					t.Errorf("stored %q", got)
				}
			})
		})
	}
}
