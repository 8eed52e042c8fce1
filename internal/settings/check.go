package settings

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Check says everything that is wrong with the values of s for what they are
// needed for: nil, or an *Error with all problems in the order of the file.
func Check(s Settings, need Need) error {
	c := checker{settings: s, need: need}
	c.kafka()
	c.ingest()
	c.stages()
	c.rules()
	c.salesforce()
	c.aircall()
	c.trusted()
	c.listen("admin.listen", s.Admin.Listen)
	c.oneOf("log.level", s.Log.Level, "debug", "info", "warn", "error")
	c.oneOf("log.format", s.Log.Format, "json", "text")
	return asError(c.problems)
}

// checker gathers problems.
type checker struct {
	settings Settings
	need     Need
	problems []Problem
}

// add notes that the key's value is wrong.
func (c *checker) add(key, value, wrong, mend string) {
	c.problems = append(c.problems, Problem{Key: key, Value: value, Where: c.settings.source.origin(key), Wrong: wrong, Mend: mend})
}

// missing notes that a needed key has no value.
func (c *checker) missing(key, wrong string) {
	c.add(key, "", wrong, fmt.Sprintf("set %s in the settings file or the variable %s", key, variable(key)))
}

// missingSecret notes that a needed secret comes neither from its file nor from
// the environment, or why its file could not be read.
func (c *checker) missingSecret(key, what string) {
	file := key + "_file"
	if p, ok := c.settings.source.unreadable(file); ok {
		c.problems = append(c.problems, p)
		return
	}
	c.add(file, "", what, fmt.Sprintf("name its file in %s, or set the variable %s", file, variable(key)))
}

// oneOf wants the value to be one of the allowed.
func (c *checker) oneOf(key, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	mend := "use one of " + strings.Join(quotedEmpty(allowed), ", ")
	if near := nearest(value, allowed); value != "" && near != "" {
		mend = fmt.Sprintf("did you mean %s? (%s)", near, mend)
	}
	c.add(key, quoted(value), "is not a value of this key", mend)
}

// listen wants an address to listen on: host:port, the host may be empty.
func (c *checker) listen(key, value string) {
	if wrong := portProblem(value); wrong != "" {
		c.add(key, quoted(value), wrong, "write host:port, or :port for every address of the machine, such as :8080")
	}
}

// portProblem says what is wrong with host:port, or nothing.
func portProblem(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "is not an address with a port"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "has no port number from 0 to 65535"
	}
	return ""
}

// ingest checks the section ingest.
func (c *checker) ingest() {
	in := c.settings.Ingest
	c.listen("ingest.listen", in.Listen)
	if in.Listen == c.settings.Admin.Listen && in.Listen != "" && !strings.HasSuffix(in.Listen, ":0") {
		c.add("ingest.listen", in.Listen, "is also the address of admin.listen", "give each a port of its own")
	}
	for _, token := range in.Tokens {
		if strings.TrimSpace(token.Reveal()) == "" {
			c.add("ingest.tokens", "", "holds an empty token, which would let anybody in", "remove it")
		}
	}
	c.journal()
	if !c.need.has(ForIngest) {
		return
	}
	if p, ok := c.settings.source.unreadable("ingest.tokens_file"); ok {
		c.problems = append(c.problems, p)
		return
	}
	if len(in.Tokens) == 0 {
		c.add("ingest.tokens_file", "", "there is no webhook token, so nothing could be accepted",
			"put the token that Aircall shows for the webhook into a file and name that in ingest.tokens_file, or set the variable "+variable("ingest.tokens"))
	}
}

// stages checks the sections processor and sink.
func (c *checker) stages() {
	p, s := c.settings.Processor, c.settings.Sink
	const mend = "name a directory on a disk that stays with this process"
	if p.StateDir == "" && c.need.has(ForProcessor) {
		c.add("processor.state_dir", `""`, "the processor has nowhere to keep its table", mend)
	}
	c.lanes("processor.lanes", p.Lanes)
	c.timeouts("processor.timeouts", p.Timeouts, quickTimeouts)
	if s.StateDir == "" && c.need.has(ForSink) {
		c.add("sink.state_dir", `""`, "the sink has nowhere to keep its table", mend)
	}
	if p.StateDir != "" && p.StateDir == s.StateDir {
		c.add("sink.state_dir", s.StateDir, "is also processor.state_dir; each stage keeps a table of its own", "give each its own directory")
	}
	c.lanes("sink.lanes", s.Lanes)
	c.maxLinger(s.MaxLinger)
	c.bulkAbove(s.BulkAbove)
	c.oneOf("sink.reconcile", s.Reconcile, "off", "report", "fill", "overwrite")
	c.salesforceAnswer(s.Timeouts)
	c.timeouts("sink.timeouts", s.Timeouts, patientTimeouts)
}

// quoted shows an empty or spaced value in quotes, any other as it is.
func quoted(value string) string {
	if value == "" || strings.TrimSpace(value) != value {
		return strconv.Quote(value)
	}
	return value
}

// quotedEmpty is the list with an empty item shown as "".
func quotedEmpty(values []string) []string {
	shown := make([]string, len(values))
	for i, v := range values {
		shown[i] = quoted(v)
	}
	return shown
}
