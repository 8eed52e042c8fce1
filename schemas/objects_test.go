package schemas

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestObjectsSeenBefore parses bodies whose numbers, users and contacts begin alike,
// one after the other: what was remembered of one must not be taken for another.
func TestObjectsSeenBefore(t *testing.T) {
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
	user := `"wrap_up_time":0}}}` // its end is that of the body
	contact := func(last string) string {
		return change(`"archived":`, `"contact":{"id":7,"direct_link":"https://api.aircall.io/v1/contacts/7","first_name":"Ann","last_name":`+last+`},"archived":`)
	}
	const usual = "Paris Support in Europe/Paris, bob.keller@example.com"
	for range 3 {
		for _, c := range []struct{ body, want string }{
			{body, usual + ", "},
			{change(zone, `"time_zone":"Europe/Parma"`), "Paris Support in Europe/Parma, bob.keller@example.com, "},
			{change(zone, zone+`,"name":"Again"`), "Again in Europe/Paris, bob.keller@example.com, "}, // the last one counts
			{change(`"number":{"id":512041,`, `"number":{"id":512042,`), usual + ", "},
			{change(closed, `"closed":"https://elsewhere.example.com`), usual + ", "},
			{change(user, `"email":"bob@example.com"}}}`), "Paris Support in Europe/Paris, bob@example.com, "},
			{change(user, `"wrap_up_time":}}}`), "no JSON"},
			{contact(`"One"`), usual + ", Ann One"},
			{contact(`"Two"`), usual + ", Ann Two"},
			{contact(`"Two",`), "no JSON"},
			{change(closed, `"closed":x"https://media.example.com`), "no JSON"},
			{body[:strings.Index(body, closed)], "no JSON"},
			{change(`}},"archived"`, `},"archived"`), "no JSON"},
		} {
			got := "no JSON"
			if e, err := ParseEvent([]byte(c.body)); err == nil {
				n, who := e.call.Number, e.call.Contact.Value
				got = fmt.Sprintf("%s in %s, %s, %s", n.Name.Value, n.TimeZone.Value, e.call.Agents[0].Email.Value, strings.TrimSpace(who.FirstName+" "+who.LastName))
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		}
	}
}

// TestObjectCacheIsBounded shows more objects than are kept, and one that is too
// long to be kept.
func TestObjectCacheIsBounded(t *testing.T) {
	var c objectCache[int]
	for i := range 3*mostObjects + 1 {
		one := knownObject[int]{value(fmt.Sprintf(`{"id":%d}`, i)), i}
		c.keep(one)
		if got, ok := c.find(one.raw); got != one || !ok {
			t.Fatalf("found %v, %v, want %v", got, ok, one)
		}
	}
	if len(c.byHead) > mostObjects {
		t.Errorf("%d objects are kept", len(c.byHead))
	}
	long := value(`{"name":"` + strings.Repeat("x", mostObjectBytes) + `"}`)
	c.keep(knownObject[int]{long, 1})
	if _, ok := c.find(long); ok {
		t.Errorf("an object of %d bytes is kept", len(long))
	}
}
