package schemas

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestNumbersSeenBefore parses bodies whose numbers begin alike, one after the
// other: what was remembered of one must not be taken for another.
func TestNumbersSeenBefore(t *testing.T) {
	whole, err := os.ReadFile("testdata/bodies/answered_inbound_11_ended.json")
	if err != nil {
		t.Fatal(err)
	}
	body := string(whole)
	change := func(old, changed string) string {
		if !strings.Contains(body, old) {
			t.Fatalf("the body has no %s", old)
		}
		return strings.Replace(body, old, changed, 1)
	}
	zone := `"time_zone":"Europe/Paris"`
	closed := `"closed":"https://media.example.com`
	for range 3 {
		for _, c := range []struct{ body, want string }{
			{body, "Paris Support in Europe/Paris"},
			{change(zone, `"time_zone":"Europe/Parma"`), "Paris Support in Europe/Parma"},
			{change(zone, zone+`,"name":"Again"`), "Again in Europe/Paris"}, // the last one counts
			{change(`"number":{"id":512041,`, `"number":{"id":512042,`), "Paris Support in Europe/Paris"},
			{change(closed, `"closed":"https://elsewhere.example.com`), "Paris Support in Europe/Paris"},
			{change(closed, `"closed":x"https://media.example.com`), "no JSON"},
			{body[:strings.Index(body, closed)], "no JSON"},
			{change(`}},"archived"`, `},"archived"`), "no JSON"},
		} {
			got := "no JSON"
			if e, err := ParseEvent([]byte(c.body)); err == nil {
				got = fmt.Sprintf("%s in %s", e.call.Number.Name.Value, e.call.Number.TimeZone.Value)
			}
			if got != c.want {
				t.Errorf("the number is %s, want %s", got, c.want)
			}
		}
	}
}

// TestNumberCacheIsBounded shows more numbers than are kept, and one that is too
// long to be kept.
func TestNumberCacheIsBounded(t *testing.T) {
	var c numberCache
	for i := range 3*mostNumbers + 1 {
		raw := value(fmt.Sprintf(`{"id":%d}`, i))
		n := Number{ID: known(int64(i))}
		c.keep(raw, n)
		if got, length := c.find(raw); got != n || length != len(raw) {
			t.Fatalf("found %v of length %d, want %v", got, length, n)
		}
	}
	if len(c.byHead) > mostNumbers {
		t.Errorf("%d numbers are kept", len(c.byHead))
	}
	long := value(`{"name":"` + strings.Repeat("x", mostNumberBytes) + `"}`)
	c.keep(long, Number{})
	if _, length := c.find(long); length != 0 {
		t.Errorf("a number of %d bytes is kept", len(long))
	}
}
