package bodies

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// told are the values and errors of a file, one a line, each with its line.
func told(r io.Reader) string {
	var b strings.Builder
	for body, err := range Split(r) {
		var syntax *SyntaxError
		switch {
		case errors.As(err, &syntax):
			fmt.Fprintf(&b, "%d %v\n", syntax.Line, err)
		case err != nil:
			fmt.Fprintf(&b, "error %v\n", err)
		default:
			fmt.Fprintf(&b, "%d %s\n", body.Line, strings.Join(strings.Fields(string(body.Value)), ""))
		}
	}
	return b.String()
}

func TestSplit(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"nothing", "", ""},
		{"blanks", " \n\n\t", ""},
		{"one a line", "{\"a\":1}\n{\"a\":2}\n", "1 {\"a\":1}\n2 {\"a\":2}\n"},
		{"no line end at the end", "{}\n{}", "1 {}\n2 {}\n"},
		{"Windows line ends", "{}\r\n{}\r\n", "1 {}\n2 {}\n"},
		{"several on a line", "{\"a\":1}{\"a\":2} {\"a\":3}", "1 {\"a\":1}\n1 {\"a\":2}\n1 {\"a\":3}\n"},
		{"pretty-printed", "\n{\n  \"a\": 1\n}\n\n{\n  \"a\": [\n    2\n  ]\n}\n", "2 {\"a\":1}\n6 {\"a\":[2]}\n"},
		{"an array", "[\n  {\"a\":1},\n  {\n\"a\":2}\n,{}]\n{\"a\":3}", "2 {\"a\":1}\n3 {\"a\":2}\n5 {}\n6 {\"a\":3}\n"},
		{"empty arrays", "[]\n[ ]\n[[]]", "3 []\n"},
		{"values of every kind", "1 \"x\" null true\n[1,\"x\",[2]]", "1 1\n1 \"x\"\n1 null\n1 true\n2 1\n2 \"x\"\n2 [2]\n"},
		{"repeated keys and bad UTF-8", "{\"a\":1,\"a\":\"\xff\"}", "1 {\"a\":1,\"a\":\"\xff\"}\n"},
		{"no JSON at all", "Dear all,\nplease find\nattached\n", "1 not JSON: invalid character 'D' at start of value\n"},
		{"a broken line", "{\"a\":1}\n{\"a\":\n{\"a\":3}\n", "1 {\"a\":1}\n2 not JSON: unexpected EOF\n3 {\"a\":3}\n"},
		{"a cut line", "{\"a\":1}\n{\"a\":\"tw\n{\"a\":3}\n", "1 {\"a\":1}\n2 not JSON: invalid character '\\n' in string (expecting non-control character)\n3 {\"a\":3}\n"},
		{"a log line between", "{\"a\":1}\nposting {}\n{\"a\":3}", "1 {\"a\":1}\n2 not JSON: invalid character 'p' at start of value\n3 {\"a\":3}\n"},
		{"cut at the end", "{\"a\":1}\n{\"a\":", "1 {\"a\":1}\n2 not JSON: unexpected EOF\n"},
		{"a pretty-printed value is cut", "{\n  \"a\": {\n    \"b\": 1\n{\n  \"a\": 2\n}\n", "1 not JSON: invalid character '{' after object value (expecting ',' or '}')\n4 {\"a\":2}\n"},
		{"an array's element is broken", "[\n{\"a\":1},\n{\"a\" 2},\n{\"a\":3}\n]\n", "2 {\"a\":1}\n3 not JSON: invalid character '2' after object name (expecting ':')\n4 {\"a\":3}\n5 not JSON: invalid character ']' at start of value\n"},
		{"an array is not closed", "[\n{\"a\":1},\n", "2 {\"a\":1}\n3 not JSON: unexpected EOF\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			whole := told(strings.NewReader(test.file))
			if whole != test.want {
				t.Errorf("got\n%swant\n%s", whole, test.want)
			}
			if bytewise := told(iotest.OneByteReader(strings.NewReader(test.file))); bytewise != whole {
				t.Errorf("read byte by byte it is\n%snot\n%s", bytewise, whole)
			}
		})
	}
}

// Values larger than every buffer keep their lines and their bytes.
func TestSplitLargeValues(t *testing.T) {
	var file strings.Builder
	var want []int
	line := 1
	for i := range 20 {
		want = append(want, line)
		value := `{"a":` + strings.Repeat("\n", i) + `"` + strings.Repeat("x", i*20_000) + `"}` + "\n"
		file.WriteString(value)
		line += i + 1
	}
	var lines []int
	size := 0
	for body, err := range Split(iotest.HalfReader(strings.NewReader(file.String()))) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, body.Line)
		size += len(body.Value) + 1
	}
	if !slices.Equal(lines, want) || size != file.Len() {
		t.Errorf("lines %v, want %v; %d bytes, want %d", lines, want, size, file.Len())
	}
}

func TestSplitErrorOfReading(t *testing.T) {
	broken := errors.New("the disk is gone")
	for file, want := range map[string]string{
		"":               "error the disk is gone\n",
		"{}\n{}\n":       "1 {}\n2 {}\nerror the disk is gone\n",
		"{}\n{\"a\":":    "1 {}\nerror the disk is gone\n",
		"{}\noops\n{}\n": "1 {}\n2 not JSON: invalid character 'o' at start of value\n3 {}\nerror the disk is gone\n",
	} {
		if got := told(io.MultiReader(strings.NewReader(file), iotest.ErrReader(broken))); got != want {
			t.Errorf("%q: got\n%swant\n%s", file, got, want)
		}
	}
}

func TestSplitStops(t *testing.T) {
	n := 0
	for range Split(strings.NewReader("{}\n{}\noops")) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d values", n)
	}
}
