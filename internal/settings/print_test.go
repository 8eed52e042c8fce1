package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for text, d := range map[string]time.Duration{
		"24h": 24 * time.Hour, "1h30m": 90 * time.Minute, "1m30s": 90 * time.Second, "0s": 0, "10m": 10 * time.Minute, "1h0m1s": time.Hour + time.Second, "10s": 10 * time.Second,
	} {
		if got := duration(d); got != text {
			t.Errorf("got %s, want %s", got, text)
		}
	}
}

// TestPrintDefaults pins what is printed, and shows that it can be read back.
func TestPrintDefaults(t *testing.T) {
	var out bytes.Buffer
	if err := Default().Print(&out); err != nil {
		t.Fatal(err)
	}
	wantFile(t, "testdata/defaults.yaml", out.String())
	again, err := Load("testdata/defaults.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	var twice bytes.Buffer
	if err := again.Print(&twice); err != nil {
		t.Fatal(err)
	}
	if out.String() != twice.String() {
		t.Errorf("read back, the printed settings print as\n%s", twice.String())
	}
}

func TestSecretsAreMasked(t *testing.T) {
	const hidden = "hunter2"
	s := Default()
	s.Ingest.Tokens = []Secret{hidden}
	for _, k := range keys(&s) {
		if k.secret() {
			k.value.SetString(hidden)
		}
	}
	var out bytes.Buffer
	if err := s.Print(&out); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&out, "%v %+v %#v %s %q", s, s, s, s.Ingest.Tokens, s.Ingest.Tokens)
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("settings", "all", s, "tokens", s.Ingest.Tokens, "token", s.Ingest.Tokens[0])
	}
	if text, err := json.Marshal(s); err != nil {
		t.Error(err)
	} else {
		out.Write(text)
	}
	if strings.Contains(out.String(), hidden) {
		t.Errorf("a secret is shown in %s", out.String())
	}
	for _, key := range []string{"password", "private_key", "client_secret"} {
		if !strings.Contains(out.String(), key+": '"+mask+"'") {
			t.Errorf("%s is not shown to be set", key)
		}
	}
}

// TestReferenceIsComplete wants every key in docs/settings.md, with its
// variable and its default, and no row for a key that does not exist.
func TestReferenceIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	s := Default()
	known := map[string]bool{}
	for _, k := range keys(&s) {
		known[k.path] = true
		row := ""
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "| `"+k.path+"` |") {
				row = line
			}
		}
		if row == "" {
			t.Errorf("%s has no row", k.path)
			continue
		}
		cells := strings.Split(row, "|")
		if want := " " + reference(k) + " "; cells[2] != want {
			t.Errorf("%s: the default reads %q, want %q", k.path, cells[2], want)
		}
		if want := " `" + k.variable() + "` "; cells[3] != want {
			t.Errorf("%s: the variable reads %q, want %q", k.path, cells[3], want)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		if !known[row[1]] {
			t.Errorf("%s has a row and does not exist", row[1])
		}
	}
}

// reference is a default as docs/settings.md writes it.
func reference(k key) string {
	switch v := k.value; {
	case k.secret():
		return "none"
	case v.Kind() == reflect.String:
		return "`" + quotedEmpty([]string{v.String()})[0] + "`"
	case v.Kind() == reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, fmt.Sprint(v.Index(i)))
		}
		return "`[" + strings.Join(items, ", ") + "]`"
	case v.Kind() == reflect.Map && v.Len() == 0:
		return "`{}`"
	case v.Type() == reflect.TypeFor[time.Duration]():
		return "`" + duration(v.Interface().(time.Duration)) + "`"
	default:
		return "`" + fmt.Sprint(v) + "`"
	}
}
