package ingest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/callfold/callfold/schemas"
)

// padded is a call event of exactly so many bytes.
func padded(t testing.TB, size int, head, tail string) []byte {
	t.Helper()
	n := size - len(head) - len(tail)
	if n < 0 {
		t.Fatalf("a body of %d bytes is too small", size)
	}
	return []byte(head + strings.Repeat("x", n) + tail)
}

const (
	tokenFirst = `{"resource":"call","event":"call.commented","timestamp":1772445590,"token":"secret","data":{"id":812,"note":"`
	noToken    = `{"resource":"call","event":"call.commented","timestamp":1772445590,"data":{"id":812,"note":"`
	dataLast   = `"}}`
	tokenLast  = `"},"token":"secret"}`
)

func TestLargeBodies(t *testing.T) {
	deep := strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000)
	for _, c := range []struct {
		name   string
		body   []byte
		status int
		reason schemas.RejectReason // what it is stored in rejected for, if it is
	}{
		{"1 MiB is an event", padded(t, 1<<20, tokenFirst, dataLast), 200, ""},
		{"a byte more is too large", padded(t, 1<<20+1, tokenFirst, dataLast), 200, schemas.TooLarge},
		{"2 MiB", padded(t, 2<<20, tokenFirst, dataLast), 200, schemas.TooLarge},
		{"2 MiB, token at the end", padded(t, 2<<20, noToken, tokenLast), 200, schemas.TooLarge},
		{"5 MiB, token at the beginning", padded(t, 5<<20, tokenFirst, dataLast), 200, schemas.TooLarge},
		{"5 MiB, token too far off", padded(t, 5<<20, noToken, tokenLast), 413, ""},
		{"2 MiB without a token", padded(t, 2<<20, noToken, dataLast), 413, ""},
		{"2 MiB, not even JSON", bytes.Repeat([]byte("x"), 2<<20), 413, ""},
		{"2 MiB of open brackets", bytes.Repeat([]byte("["), 2<<20), 413, ""},
		{"1 MiB of open brackets", bytes.Repeat([]byte("["), 1<<20), 400, ""},
		{"nested too deep, no token", []byte(deep), 400, ""},
		{"nested too deep, with a token", []byte(`{"token":"secret","resource":"call","data":` + deep + `}`), 200, schemas.NotJSON},
		{"a million open brackets after a token", []byte(`{"token":"secret","data":` + strings.Repeat("[", 1_000_000)), 200, schemas.NotJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			w := f.post(c.body)
			if w.Code != c.status {
				t.Fatalf("answered %d %s, want %d", w.Code, w.Body, c.status)
			}
			stored := f.producer.records
			if c.status != 200 {
				if len(stored) > 0 {
					t.Fatalf("stored %d records", len(stored))
				}
				return
			}
			if len(stored) != 1 {
				t.Fatalf("stored %d records, want 1", len(stored))
			}
			if size := len(stored[0].Value); size > maxValue {
				t.Errorf("the record's value has %d bytes", size)
			}
			if bytes.Contains(stored[0].Value, []byte("secret")) {
				t.Error("the token was stored")
			}
			if c.reason == "" {
				if stored[0].Topic != "events" {
					t.Errorf("stored in %s", stored[0].Topic)
				}
				return
			}
			v := rejectedValue(t, stored[0])
			if v.Reason != c.reason || v.BodySize != int64(len(c.body)) {
				t.Errorf("reason %s, size %d of %d", v.Reason, v.BodySize, len(c.body))
			}
			if c.reason == schemas.TooLarge && (!v.Truncated || len(v.Body) != maxStored || !strings.HasPrefix(v.Body, `{"resource":"call","event":"call.commented","timestamp":1772445590,"data":{`)) {
				t.Errorf("truncated %v, stored %d bytes: %.100s…", v.Truncated, len(v.Body), v.Body)
			}
		})
	}
}

func TestTooLargeIsCutBetweenCharacters(t *testing.T) {
	for shift := range 4 {
		f := newFixture(t)
		f.post([]byte(tokenFirst + strings.Repeat("y", shift) + strings.Repeat("😀", 300_000) + dataLast))
		v := rejectedValue(t, f.producer.records[0])
		if v.Body == "" || len(v.Body) <= maxStored-utf8.UTFMax || len(v.Body) > maxStored || !strings.HasSuffix(v.Body, "😀") {
			t.Errorf("shifted by %d: %d bytes of text, ending in %q", shift, len(v.Body), v.Body[max(0, len(v.Body)-4):])
		}
	}
}

// Quoting can double or, with control characters, multiply a text by six. Any
// body must still fit a record.
func TestRejectedBodiesFitARecord(t *testing.T) {
	for name, filling := range map[string]string{"quotes": `\"`, "line ends": "\n", "controls": "\x01", "no UTF-8": "\xff"} {
		f := newFixture(t)
		body := []byte(`{"token":"secret","resource":"call",` + strings.Repeat(filling, (1<<20-100)/len(filling)))
		if name == "quotes" {
			body = []byte(`{"token":"secret","resource":"call","x":"` + strings.Repeat(filling, (1<<20-100)/len(filling)))
		}
		f.post(body)
		r := f.producer.records[0]
		if len(r.Value) > maxValue {
			t.Errorf("%s: the value has %d bytes", name, len(r.Value))
		}
		if v := rejectedValue(t, r); v.Reason != schemas.NotJSON {
			t.Errorf("%s: rejected for %s", name, v.Reason)
		}
	}
}

func TestRejectedBodyThatIsNoTextIsKeptByteForByte(t *testing.T) {
	f := newFixture(t)
	f.post([]byte("{\"token\":\"secret\",\"resource\":\"call\",\"event\":\"call.\xff\xfe\",\"data\":{}}"))
	v := rejectedValue(t, f.producer.records[0])
	if want := "{\"resource\":\"call\",\"event\":\"call.\xff\xfe\",\"data\":{}}"; string(v.BodyBase64) != want || v.Body != "" {
		t.Errorf("stored %q and %q, want %q", v.BodyBase64, v.Body, want)
	}
}

func TestRandomBytesAreNotJSON(t *testing.T) {
	f := newFixture(t)
	random := rand.NewChaCha8([32]byte{1})
	for range 200 {
		body := make([]byte, 1000)
		_, _ = random.Read(body)
		if w := f.post(body); w.Code != http.StatusBadRequest {
			t.Fatalf("%q was answered with %d", body, w.Code)
		}
	}
	if len(f.producer.records) > 0 {
		t.Error("something was stored")
	}
}

func TestCompressedBodyIsRefusedInPlainWords(t *testing.T) {
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	_, _ = io.WriteString(z, tokenFirst+dataLast)
	_ = z.Close()
	r := httptest.NewRequest(http.MethodPost, Path, &body)
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	newFixture(t).ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "compressed") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOtherMethods(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		w := httptest.NewRecorder()
		newFixture(t).ServeHTTP(w, httptest.NewRequest(method, Path, strings.NewReader(tokenFirst+dataLast)))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
}

// A body that breaks off may be Aircall's: with a valid token it is not a 4xx.
func TestBodyThatBreaksOff(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		status     int
	}{
		{"before the token", noToken, 400},
		{"after the token", tokenFirst, 503},
		{"at once", "", 400},
	} {
		f := newFixture(t)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(http.MethodPost, Path,
			io.MultiReader(strings.NewReader(c.sent), iotest.ErrReader(io.ErrUnexpectedEOF))))
		if w.Code != c.status || len(f.producer.records) > 0 {
			t.Errorf("%s: %d, %d records", c.name, w.Code, len(f.producer.records))
		}
		if got := f.counted(t); len(got) != 1 || got[0] != "counted incomplete" {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestMemoryForBodiesIsBounded(t *testing.T) {
	f := newFixture(t)
	f.bodies.used.Store(maxBodyMemory - 100<<10)
	if w := f.post([]byte(tokenFirst + dataLast)); w.Code != 200 {
		t.Errorf("a small body: %d", w.Code)
	}
	w := f.post(padded(t, 1<<20, tokenFirst, dataLast))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a large body: %d", w.Code)
	}
	if got := f.bodies.used.Load(); got != maxBodyMemory-100<<10 {
		t.Errorf("%d bytes were not given back", got-(maxBodyMemory-100<<10))
	}
}

// What the producer holds must not change when the buffer serves the next body.
func TestRecordsDoNotShareTheBuffer(t *testing.T) {
	f := newFixture(t)
	for i := range 50 {
		f.post([]byte(strings.Replace(tokenFirst, "812", strings.Repeat("7", i%18+1), 1) + strings.Repeat("z", 3*i) + dataLast))
	}
	for i, r := range f.producer.records {
		want := strings.Replace(noToken, "812", strings.Repeat("7", i%18+1), 1) + strings.Repeat("z", 3*i) + dataLast
		if string(r.Value) != want {
			t.Fatalf("record %d is %s, want %s", i, r.Value, want)
		}
	}
}

func TestRecord(t *testing.T) {
	f := newFixture(t)
	f.post([]byte(tokenFirst + dataLast))
	f.post([]byte(strings.Replace(tokenFirst, "812", "0", 1) + dataLast))
	event, reject := f.producer.records[0], f.producer.records[1]
	for _, c := range []struct{ what, got, want string }{
		{"schema", header(event, "schema"), "callfold.event/1"},
		{"event", header(event, "event"), "call.commented"},
		{"received-at", header(event, "received-at"), "1772445600000"},
		{"source", header(event, "source"), "webhook"},
		{"rejected schema", header(reject, "schema"), "callfold.rejected/1"},
		{"rejected received-at", header(reject, "received-at"), "1772445600000"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %q, want %q", c.what, c.got, c.want)
		}
	}
	if !event.Timestamp.Equal(testTime) {
		t.Errorf("timestamp %v", event.Timestamp)
	}
	v := rejectedValue(t, reject)
	if v.Origin.Source != "webhook" || v.ReceivedAt != testTime.UnixMilli() || v.Detail == "" {
		t.Errorf("rejected %+v", v)
	}
}

func TestAnswersAreJSON(t *testing.T) {
	for _, a := range []answer{
		answerAccepted, answerIgnored, answerMethod, answerUnauthorized, answerNotJSON, answerEmpty, answerDeep, answerCompressed,
		answerTooLarge, answerIncomplete, answerInterrupted, answerBusy, answerUnavailable, answerRejected(schemas.NoID),
	} {
		if !json.Valid([]byte(a.body)) {
			t.Errorf("%s", a.body)
		}
		w := httptest.NewRecorder()
		a.write(w)
		if (w.Header().Get("Retry-After") != "") != (a.status == 503) || (w.Header().Get("Allow") != "") != (a.status == 405) {
			t.Errorf("%d with headers %v", a.status, w.Header())
		}
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	for want, spoil := range map[string]func(*Options){
		"producer":      func(o *Options) { o.Producer = nil },
		"probe":         func(o *Options) { o.Probe = nil },
		"topics":        func(o *Options) { o.EventsTopic = "" },
		"ingest.tokens": func(o *Options) { o.Tokens = nil },
		"empty webhook": func(o *Options) { o.Tokens = []string{"a", ""} },
	} {
		o := testOptions()
		spoil(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
	if _, err := New(testOptions()); err != nil {
		t.Error(errors.Unwrap(err))
	}
}
