package ingest

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

func TestWithoutTokens(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"first", `{"token":"x","a":1,"b":2}`, `{"a":1,"b":2}`},
		{"middle", `{"a":1,"token":"x","b":2}`, `{"a":1,"b":2}`},
		{"last", `{"a":1,"b":2,"token":"x"}`, `{"a":1,"b":2}`},
		{"only", `{"token":"x"}`, `{}`},
		{"none", `{"a":1}`, `{"a":1}`},
		{"empty object", ` { } `, ` { } `},
		{"spaced first", "{ \"token\" : \"x\" , \"a\":1 }\n", "{ \"a\":1 }\n"},
		{"spaced last", "{ \"a\":1 ,\t\"token\" : \"x\" }\n", "{ \"a\":1 }\n"},
		{"spaced only", "{ \"token\" : \"x\" }", "{  }"},
		{"twice at the start", `{"token":1,"token":2,"a":1}`, `{"a":1}`},
		{"twice at the end", `{"a":1,"token":1,"token":2}`, `{"a":1}`},
		{"twice around", `{"token":1,"a":1,"token":2}`, `{"a":1}`},
		{"three times and nothing else", `{"token":1,"token":2,"token":3}`, `{}`},
		{"two pairs", `{"a":1,"token":1,"token":2,"b":2,"token":3,"token":4}`, `{"a":1,"b":2}`},
		{"escaped", `{"a":1,"tok\u0065n":"x"}`, `{"a":1}`},
		{"escaped quote inside", `{"token":"a\",\"b\":\"c","a":1}`, `{"a":1}`},
		{"an object", `{"token":{"token":[1,"}"]},"a":1}`, `{"a":1}`},
		{"nested ones stay", `{"a":{"token":"x"},"b":[{"token":"y"}]}`, `{"a":{"token":"x"},"b":[{"token":"y"}]}`},
		{"other spellings stay", `{"Token":1,"token ":2,"tokens":3}`, `{"Token":1,"token ":2,"tokens":3}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(scanEnvelope([]byte(c.body)).withoutTokens([]byte(c.body))); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// A body is drawn as a list of members with white space around every part. To
// take the tokens out of it must give what is drawn when the token members are
// not there; only the white space next to a cut may differ.
func TestWithoutTokensIsTheSameBodyWithoutThem(t *testing.T) {
	space := rapid.StringMatching(`[ \t\r\n]{0,3}`)
	key := rapid.SampledFrom([]string{`"token"`, `"tok\u0065n"`, `"a"`, `"data"`, `"event"`, `"\""`, `"tokens"`, `"é"`})
	value := rapid.SampledFrom([]string{
		`1`, `-2.5e3`, `null`, `true`, `""`, `"a,b}"`, `"\"token\":1"`, `"\\"`, `{}`, `[]`,
		`{"token":"x"}`, `[1,{"token":[2]},"]"]`, `{"a":{"b":"}"},"c":[[]]}`,
	})
	rapid.Check(t, func(t *rapid.T) {
		var all, kept []string // pairs of compact key and value
		var body strings.Builder
		body.WriteString(space.Draw(t, "before") + "{")
		for i := range rapid.IntRange(0, 8).Draw(t, "members") {
			if i > 0 {
				body.WriteString(space.Draw(t, "s") + ",")
			}
			k, v := key.Draw(t, "key"), value.Draw(t, "value")
			body.WriteString(space.Draw(t, "s") + k + space.Draw(t, "s") + ":" + space.Draw(t, "s") + v)
			all = append(all, k+":"+v)
			if gjson.Parse(k).Str != "token" {
				kept = append(kept, k+":"+v)
			}
		}
		body.WriteString(space.Draw(t, "s") + "}" + space.Draw(t, "after"))
		in := []byte(body.String())

		out := scanEnvelope(in).withoutTokens(in)
		if got, want := compact(string(out)), "{"+strings.Join(kept, ",")+"}"; got != want {
			t.Fatalf("%s\nbecame %s,\nwithout white space %s,\nwant %s", in, out, got, want)
		}
		if len(all) == len(kept) && !bytes.Equal(in, out) {
			t.Fatalf("no token, and yet %s became %s", in, out)
		}
		checkStripped(t, in, out)
	})
}

// compact removes white space outside strings.
func compact(s string) string {
	var out []byte
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t', '\r', '\n':
		case '"':
			end := skipString([]byte(s), i)
			out = append(out, s[i:end]...)
			i = end - 1
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}

// checkStripped compares what gjson finds in a JSON object with what it finds
// after the tokens were taken out: all members but the tokens, the same bytes
// in the same order.
func checkStripped(t interface {
	Helper()
	Fatalf(string, ...any)
}, in, out []byte) {
	t.Helper()
	if !gjson.ValidBytes(out) {
		t.Fatalf("%q became %q, which is not JSON", in, out)
	}
	var want, got []string
	gjson.ParseBytes(in).ForEach(func(k, v gjson.Result) bool {
		if k.Str != "token" {
			want = append(want, k.Raw, v.Raw)
		}
		return true
	})
	gjson.ParseBytes(out).ForEach(func(k, v gjson.Result) bool {
		if k.Str == "token" {
			t.Fatalf("%q became %q, which has a token", in, out)
		}
		got = append(got, k.Raw, v.Raw)
		return true
	})
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("%q became %q: members %q, want %q", in, out, got, want)
	}
}

func FuzzStripToken(f *testing.F) {
	for _, seed := range []string{
		`{"resource":"call","event":"call.created","timestamp":1,"token":"x","data":{"id":1}}`,
		`{"token":"x"}`, `{"tok\u0065n":"\ud83d","a":[1,{"token":2}]}`, "\n{ \"a\":-0.1e+5 ,\"token\":null}\t", `{"a":`, `[{"token":1}]`, `"token"`,
		`{"token":"x","data":{"id":1,"no`, "{\"a\":\"\xff\",\"token\":\"\x00\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		e := scanEnvelope(in)
		out := e.withoutTokens(in)
		if !bytes.Equal(in, before) {
			t.Fatalf("the body itself was changed")
		}
		for _, m := range scanEnvelope(out).members {
			if m.isToken() {
				t.Fatalf("%q became %q, which has a token", in, out)
			}
		}
		if isJSON(in) && gjson.ParseBytes(in).IsObject() {
			checkStripped(t, in, out)
			if len(e.members) == 0 && !bytes.Equal(bytes.TrimSpace(out), bytes.TrimSpace(in)) {
				t.Fatalf("%q became %q", in, out)
			}
		}
	})
}

func TestTooDeep(t *testing.T) {
	nested := func(n int) []byte {
		return []byte(strings.Repeat("[", n) + strings.Repeat("]", n))
	}
	for _, c := range []struct {
		name string
		body []byte
		want bool
	}{
		{"at the limit", nested(maxDepth), false},
		{"above", nested(maxDepth + 1), true},
		{"wide, not deep", []byte("[" + strings.Repeat("[],", maxDepth) + "[]]"), false},
		{"brackets in a string", []byte(strconv.Quote(strings.Repeat("[", 2*maxDepth))), false},
		{"a string that does not end", []byte(`"` + strings.Repeat("[", 2*maxDepth)), false},
	} {
		if got := tooDeep(c.body); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
