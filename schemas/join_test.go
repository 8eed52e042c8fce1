package schemas

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Real events of one key differ in their signed links at most. The laws must
// hold all the same when hashes collide: here any two states may disagree
// about the value that goes with a key.

var (
	someKeys = []Key{{Time: 1}, {Time: 1, Tie: -1}, {Time: 1, Rank: RankEnded}, {Time: 2, Hash: [8]byte{1}}}
	someText = rapid.SampledFrom([]string{"a", "b", "c"})
	someID   = rapid.SampledFrom([]int64{1, 2, 3})
	someUser = rapid.Custom(func(t *rapid.T) User {
		return User{ID: someID.Draw(t, "id"), Name: someText.Draw(t, "name")}
	})
)

// drawLatest draws a Latest that is unknown half of the time.
func drawLatest[T any](t *rapid.T, value *rapid.Generator[T]) Latest[T] {
	if rapid.Bool().Draw(t, "unknown") {
		return Latest[T]{}
	}
	return Latest[T]{rapid.SampledFrom(someKeys).Draw(t, "at"), value.Draw(t, "value")}
}

// drawState draws what one event might say, if keys and values had nothing to
// do with each other.
func drawState(t *rapid.T) Call {
	commands := rapid.Custom(func(t *rapid.T) Command { return Command{Who: someText.Draw(t, "who")} })
	key := func() Key { return rapid.SampledFrom(someKeys).Draw(t, "key") }
	if rapid.IntRange(0, 9).Draw(t, "erased") == 5 {
		return erased(7, Latest[Command]{key(), commands.Draw(t, "by")})
	}
	tags := rapid.Custom(func(t *rapid.T) []Tag {
		tags := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Tag {
			return Tag{ID: someID.Draw(t, "id"), Name: someText.Draw(t, "name")}
		}), 0, 2).Draw(t, "tags")
		slices.SortFunc(tags, compareTags)
		return tags
	})
	comments := rapid.Custom(func(t *rapid.T) []Comment {
		return []Comment{{ID: someID.Draw(t, "id"), Content: someText.Draw(t, "content"), By: someUser.Draw(t, "by")}}
	})
	times := rapid.SampledFrom([]int64{0, 1, 2})
	parties := rapid.Custom(func(t *rapid.T) TransferParties {
		return TransferParties{By: someUser.Draw(t, "by"), To: someUser.Draw(t, "to")}
	})
	c := Call{
		ID: 7, Newest: someKeys[len(someKeys)-1],
		UUID: drawLatest(t, someText), Direction: drawLatest(t, someText),
		Status:    Status(rapid.IntRange(0, 3).Draw(t, "status")),
		StartedAt: times.Draw(t, "started"), AnsweredAt: times.Draw(t, "answered"), EndedEvent: times.Draw(t, "ended"),
		EndedAt: drawLatest(t, someID), VoicemailLeft: rapid.Bool().Draw(t, "voicemail"), Conference: rapid.Bool().Draw(t, "conference"),
		MissedReason: drawLatest(t, someText), External: drawLatest(t, someText),
		Number: Number{
			ID: drawLatest(t, someID), Name: drawLatest(t, someText), Digits: drawLatest(t, someText),
			Country: drawLatest(t, someText), TimeZone: drawLatest(t, someText),
		},
		Contact: drawLatest(t, rapid.Custom(func(t *rapid.T) Contact {
			return Contact{FirstName: someText.Draw(t, "first"), Company: someText.Draw(t, "company")}
		})),
		RESTTransfer: drawLatest(t, parties), ExternalTransfer: drawLatest(t, someText),
		AssignedTo: drawLatest(t, someUser), Archived: drawLatest(t, rapid.Bool()),
		IVROptions: drawLatest(t, rapid.SliceOfN(someText, 1, 2)),
		Recording:  drawLatest(t, someText), Voicemail: drawLatest(t, someText), Asset: drawLatest(t, someText),
		Tags: drawLatest(t, tags), Comments: drawLatest(t, comments),
		Rewrite: drawLatest(t, commands), Rematch: drawLatest(t, commands), Retry: drawLatest(t, commands),
	}
	if rapid.Bool().Draw(t, "agent") {
		c.Agents = []Agent{{
			ID: someID.Draw(t, "agent"), At: key(), Name: drawLatest(t, someText), Email: drawLatest(t, someText),
			Seen: []int64{rapid.Int64Range(1, 40).Draw(t, "seen")},
		}}
	}
	if rapid.Bool().Draw(t, "transfer") {
		c.Transfers = []Transfer{{At: key(), Failed: rapid.Bool().Draw(t, "failed"), TransferParties: parties.Draw(t, "parties")}}
	}
	if rapid.Bool().Draw(t, "unknown") {
		c.Unknown = []byte(`{"x":"` + someText.Draw(t, "x") + `"}`)
	}
	return c
}

func TestJoinLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawState(t), drawState(t), drawState(t)
		same := func(law string, x, y Call) {
			if !reflect.DeepEqual(x, y) {
				t.Fatalf("%s\n %+v\n %+v", law, x, y)
			}
		}
		same("commutative", Join(a, b), Join(b, a))
		same("associative", Join(Join(a, b), c), Join(a, Join(b, c)))
		same("idempotent", Join(a, a), a)
		same("absorbing what it has", Join(Join(a, b), b), Join(a, b))
		same("identity", Join(a, Call{}), a)
		same("identity", Join(Call{}, a), a)
	})
}

// TestJoinSharesNoMemory overwrites all lists of two states after a join.
func TestJoinSharesNoMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := Join(drawState(t), drawState(t)), Join(drawState(t), drawState(t))
		joined := Join(a, b)
		before := joined.Hash()
		for _, c := range []Call{a, b} {
			for i := range c.Agents {
				clear(c.Agents[i].Seen)
			}
			clear(c.Agents)
			clear(c.Transfers)
			clear(c.IVROptions.Value)
			clear(c.Tags.Value)
			clear(c.Comments.Value)
			for i := range c.Unknown {
				c.Unknown[i] = ' '
			}
		}
		if joined.Hash() != before {
			t.Fatalf("the join shares memory with its arguments")
		}
	})
}

// TestEveryFieldTakesPart catches a field that was added to the state and
// forgotten in Join, or whose key was forgotten in eachKey.
func TestEveryFieldTakesPart(t *testing.T) {
	c := rapid.Custom(func(t *rapid.T) Call {
		c := Call{}
		for range 12 {
			c = Join(c, drawState(t))
		}
		c.Erased = Latest[Command]{Key{Time: 1}, Command{Who: "a"}}
		return c
	}).Filter(func(c Call) bool { return unset(reflect.ValueOf(c)) == "" }).Example(1)
	full := c

	c.Erased = Latest[Command]{}
	if got := Join(Call{}, c); !reflect.DeepEqual(got, c) {
		t.Errorf("Join lost something:\n got  %+v\n want %+v", got, c)
	}

	keys := map[*Key]bool{}
	for _, k := range full.keys() {
		keys[k] = true
	}
	full.Agents = nil
	if want := countLatest(reflect.ValueOf(full)); len(keys) != want {
		t.Errorf("keys lists %d keys, the state has %d", len(keys), want)
	}
}

// unset is the name of a field that is zero, if there is one.
func unset(v reflect.Value) string {
	for i := range v.NumField() {
		if f := v.Field(i); f.IsZero() {
			return v.Type().Field(i).Name
		} else if f.Kind() == reflect.Struct && f.Type() == reflect.TypeFor[Number]() {
			if name := unset(f); name != "" {
				return "Number." + name
			}
		}
	}
	return ""
}

// countLatest counts the values of type Latest in v, those of agents too.
func countLatest(v reflect.Value) (n int) {
	switch {
	case strings.HasPrefix(v.Type().Name(), "Latest["):
		return 1
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			n += countLatest(v.Field(i))
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			n += countLatest(v.Index(i))
		}
	}
	return n
}
