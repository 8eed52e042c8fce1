package sfsim

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// The conformance suite is testdata/conformance: what Salesforce's documents say
// of its API, case by case, over plain HTTP. It is played against the simulator
// and, when CALLFOLD_TEST_ORG (instance URL) and CALLFOLD_TEST_TOKEN (access
// token) are set, against that org too, so that the simulator's answers can be
// held against the real ones. There it makes records whose names begin with a
// prefix of their own, and deletes them. A file is a list of cases:
//
//	case what is checked
//	source Document, "Section"
//	only simulator: why           the case is not for a real org
//	with NAME: value              a header of the next request
//	METHOD path body              the body may go on in indented lines; QUERY and SEARCH are a SOQL and a SOSL statement
//	=> status expectation         ERROR_CODE field,field; or JSON, see TestScenarios
//	until status expectation      the same, and the request is sent again until it holds
//	has NAME part                 a header of the answer, and a part of its value
//	count path number             how long a list in the answer is
//	text part                     a part of an answer that is no JSON; ^ begins it
//	save name = path              keeps a value of the answer for later as $name
//	clock duration                lets time pass in the simulator
//
// $p is the prefix of the run's names, and [[n text]] is text n times with commas
// between, # being its number.
type conformanceCase struct {
	file, name, source, only string
	lines                    []string
}

// conformance reads the suite. Each case must name its source.
func conformance(t *testing.T) (cases []*conformanceCase) {
	t.Helper()
	files, err := filepath.Glob("testdata/conformance/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		var c *conformanceCase
		for line := range strings.Lines(string(readFile(t, file))) {
			line = strings.TrimRight(line, "\r\n")
			word, rest, _ := strings.Cut(line, " ")
			switch {
			case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
			case word == "case":
				c = &conformanceCase{file: strings.TrimSuffix(filepath.Base(file), ".txt"), name: rest}
				cases = append(cases, c)
			case word == "source":
				c.source = rest
			case word == "only":
				c.only = strings.TrimPrefix(rest, "simulator: ")
			case strings.HasPrefix(line, "  "):
				c.lines[len(c.lines)-1] += "\n" + line[2:]
			default:
				c.lines = append(c.lines, line)
			}
		}
	}
	for _, c := range cases {
		if !strings.Contains(c.source, `, "`) {
			t.Errorf("%s: %s: the source %q is not a document and a section", c.file, c.name, c.source)
		}
	}
	return cases
}

func TestConformanceSimulator(t *testing.T) {
	for _, c := range conformance(t) {
		t.Run(c.file+"/"+c.name, func(t *testing.T) {
			c.play(newOrg(t, Options{SessionLife: 48 * time.Hour}), "cf-conformance", time.Millisecond)
		})
	}
}

func TestConformanceRealOrg(t *testing.T) {
	address, token := os.Getenv("CALLFOLD_TEST_ORG"), os.Getenv("CALLFOLD_TEST_TOKEN")
	if address == "" || token == "" {
		t.Skip("NOT RUN AGAINST A REAL ORG: set CALLFOLD_TEST_ORG to its instance URL and CALLFOLD_TEST_TOKEN to an access token")
	}
	prefix := "cf-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	t.Logf("the names of this run begin with %s", prefix)
	g := &org{t: t, url: strings.TrimSuffix(address, "/"), token: token, header: http.Header{}}
	t.Cleanup(func() { g.t = t; g.clean(prefix) })
	for _, c := range conformance(t) {
		t.Run(c.file+"/"+c.name, func(t *testing.T) {
			if c.only != "" {
				t.Skip("only on the simulator: " + c.only)
			}
			g.t = t
			c.play(g, prefix, time.Second)
		})
	}
}

// clean deletes what a run has made in an org.
func (g *org) clean(prefix string) {
	for _, from := range []string{
		"Task WHERE Subject LIKE '%s%%' OR Aircall_Call_Id__c LIKE '%s%%'", "Contact WHERE LastName LIKE '%s%%'", "Lead WHERE LastName LIKE '%s%%'", "Account WHERE Name LIKE '%s%%'",
	} {
		for {
			found := g.query("SELECT Id FROM " + strings.ReplaceAll(strings.ReplaceAll(from, "%s", prefix), "%%", "%") + " LIMIT 200").body.Get("records.#.Id").Array()
			if len(found) == 0 {
				break
			}
			ids := make([]string, len(found))
			for i, id := range found {
				ids[i] = id.String()
			}
			if r := g.do("DELETE", "composite/sobjects?allOrNone=false&ids="+strings.Join(ids, ","), ""); strings.Contains(r.body.Raw, `"success":false`) || r.status != http.StatusOK {
				g.t.Errorf("deleting what the suite has made, %s*: %d %s", prefix, r.status, r.body.Raw)
				break
			}
		}
	}
}

var (
	listPattern = regexp.MustCompile(`(?s)\[\[(\d+) (.*?)\]\]`)
	savePattern = regexp.MustCompile(`\$[a-z]+`)
)

// player is a case under way.
type player struct {
	*org
	saved   map[string]string
	method  string
	path    string
	body    string
	headers http.Header
	last    reply
	raw     string
	pause   time.Duration // between two looks at what takes its time
}

func (c *conformanceCase) play(g *org, prefix string, pause time.Duration) {
	g.t.Helper()
	p := &player{org: g, saved: map[string]string{"$p": prefix}, headers: http.Header{}, pause: pause}
	for _, line := range c.lines {
		if err := p.line(p.expand(line)); err != nil {
			g.t.Errorf("%s\n%s %s\n%v\nanswer: %d %.2000s\nsource: %s", line, p.method, p.path, err, p.last.status, p.raw, c.source)
		}
	}
}

func (p *player) expand(s string) string {
	s = savePattern.ReplaceAllStringFunc(s, func(name string) string {
		if v, ok := p.saved[name]; ok {
			return v
		}
		return name
	})
	return listPattern.ReplaceAllStringFunc(s, func(list string) string {
		m := listPattern.FindStringSubmatch(list)
		n, _ := strconv.Atoi(m[1])
		parts := make([]string, n)
		for i := range parts {
			parts[i] = strings.ReplaceAll(m[2], "#", strconv.Itoa(i))
		}
		return strings.Join(parts, ",")
	})
}

func (p *player) line(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "with":
		name, value, _ := strings.Cut(rest, ": ")
		p.headers.Set(name, value)
		return nil
	case "clock":
		d, err := time.ParseDuration(rest)
		if p.sim != nil {
			p.now = p.now.Add(d)
		}
		return err
	case "=>", "until":
		return p.expect(word == "until", rest)
	case "has":
		name, part, _ := strings.Cut(rest, " ")
		if got := p.last.header.Get(name); !strings.Contains(got, part) {
			return fmt.Errorf("the header %s is %q, want %q in it", name, got, part)
		}
		return nil
	case "count":
		path, number, _ := strings.Cut(rest, " ")
		if got := strconv.Itoa(len(p.last.body.Get(path).Array())); got != number {
			return fmt.Errorf("%s has %s elements, want %s", path, got, number)
		}
		return nil
	case "text":
		part, first := strings.CutPrefix(rest, "^")
		if i := strings.Index(p.raw, part); i < 0 || first && i != 0 {
			return fmt.Errorf("want %q in the answer", rest)
		}
		return nil
	case "save":
		name, path, _ := strings.Cut(rest, " = ")
		if p.saved["$"+name] = p.last.body.Get(path).String(); p.saved["$"+name] == "" {
			p.t.Fatalf("nothing at %s to save in %s", path, p.raw)
		}
		return nil
	case "QUERY", "SEARCH":
		word, rest = "GET", strings.ToLower(word)+"?q="+url.QueryEscape(rest)
	}
	p.method = word
	p.path, p.body, _ = strings.Cut(rest, " ")
	if path, body, inNextLine := strings.Cut(rest, "\n"); inNextLine && !strings.Contains(path, " ") {
		p.path, p.body = path, body
	}
	p.send()
	return nil
}

func (p *player) send() {
	before := p.header
	p.header = maps.Clone(before)
	maps.Copy(p.header, p.headers)
	resp, err := p.try(p.method, p.path, p.body)
	p.header = before
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.raw, p.last = string(body), reply{resp.StatusCode, resp.Header, gjson.ParseBytes(body)}
}

func (p *player) expect(repeat bool, want string) error {
	status, want, _ := strings.Cut(want, " ")
	err := compare(p.last, status, want)
	for deadline := time.Now().Add(2 * time.Minute); err != nil && repeat && time.Now().Before(deadline); {
		time.Sleep(p.pause) // polling
		p.send()
		err = compare(p.last, status, want)
	}
	p.headers = http.Header{}
	return err
}
