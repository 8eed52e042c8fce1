package sfsim

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// TestScenarios plays the files in testdata/scenarios against a fresh org each. A
// file is a dialogue:
//
//	# why
//	METHOD path body         the body may go on in indented lines; QUERY is a SOQL query
//	=> status expectation    ERROR_CODE field,field; or JSON
//	save name = path         keeps a value of the answer for later as $name
//
// Expected JSON must be part of the answer: members that it does not name may be
// there, lists must have equal length, and "*" stands for any text.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			play(t, newOrg(t, Options{}), string(readFile(t, file)))
		})
	}
}

func play(t *testing.T, g *org, script string) {
	t.Helper()
	saved := map[string]string{}
	expand := func(s string) string {
		for name, value := range saved {
			s = strings.ReplaceAll(s, "$"+name, value)
		}
		return s
	}
	var request string
	var last reply
	lines := strings.Split(script, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "=> "):
			status, want, _ := strings.Cut(strings.TrimPrefix(line, "=> "), " ")
			if err := compare(last, status, expand(want)); err != nil {
				t.Errorf("line %d: %s\n%v\nanswer: %d %s", i+1, request, err, last.status, last.body.Raw)
			}
		case strings.HasPrefix(line, "save "):
			name, path, _ := strings.Cut(strings.TrimPrefix(line, "save "), " = ")
			saved[name] = last.body.Get(path).String()
			if saved[name] == "" {
				t.Fatalf("line %d: nothing at %s to save in %s", i+1, path, last.body.Raw)
			}
		default:
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "  ") {
				i++
				line += "\n" + lines[i]
			}
			request = expand(line)
			method, rest, _ := strings.Cut(request, " ")
			path, body, _ := strings.Cut(rest, " ")
			if method == "QUERY" {
				method, path, body = "GET", "query?q="+url.QueryEscape(rest), ""
			}
			last = g.do(method, path, body)
		}
	}
}

func compare(have reply, status, want string) error {
	if strconv.Itoa(have.status) != status {
		return fmt.Errorf("status %d, want %s", have.status, status)
	}
	if want == "" {
		return nil
	}
	if strings.HasPrefix(want, "{") || strings.HasPrefix(want, "[") {
		if !gjson.Valid(want) {
			return fmt.Errorf("the expectation is no JSON: %s", want)
		}
		return contains("answer", have.body, gjson.Parse(want))
	}
	code, list, _ := strings.Cut(want, " ")
	if got := have.body.Get("0.errorCode").String(); got != code || have.body.Get("#").Int() != 1 {
		return fmt.Errorf("errorCode %q, want only %q", got, code)
	}
	var fields []string
	for _, f := range have.body.Get("0.fields").Array() {
		fields = append(fields, f.String())
	}
	if wanted := strings.FieldsFunc(list, func(r rune) bool { return r == ',' }); !slices.Equal(fields, wanted) {
		return fmt.Errorf("fields %q, want %q", fields, wanted)
	}
	return nil
}

func contains(path string, have, want gjson.Result) error {
	switch {
	case want.Type == gjson.String && want.Str == "*" && have.Type == gjson.String:
		return nil
	case want.IsObject():
		var err error
		want.ForEach(func(key, value gjson.Result) bool {
			found := have.Get(gjson.Escape(key.Str))
			if !found.Exists() {
				err = fmt.Errorf("%s.%s is missing", path, key.Str)
			} else {
				err = contains(path+"."+key.Str, found, value)
			}
			return err == nil
		})
		return err
	case want.IsArray():
		h, w := have.Array(), want.Array()
		if !have.IsArray() || len(h) != len(w) {
			return fmt.Errorf("%s has %d elements, want %d", path, len(h), len(w))
		}
		for i := range w {
			if err := contains(fmt.Sprintf("%s[%d]", path, i), h[i], w[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if have.Raw != want.Raw && (want.Type != gjson.String || have.Type != gjson.String || have.Str != want.Str) {
		return fmt.Errorf("%s is %s, want %s", path, have.Raw, want.Raw)
	}
	return nil
}
