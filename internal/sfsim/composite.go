package sfsim

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/tidwall/gjson"
)

// The limits of "Composite" and "Batch" in the REST API Developer Guide.
const (
	maxSubrequests = 25
	maxHeavy       = 5 // of them collections and queries
)

// unmarshal reads a body of a fixed shape; members that it does not know are refused.
func (c *call) unmarshal(v any) *apiError {
	if err := json.Unmarshal(c.body, v, json.RejectUnknownMembers(true)); err != nil {
		return badRequest("JSON_PARSER_ERROR", "%v", err)
	}
	return nil
}

type subrequest struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	ReferenceID string            `json:"referenceId"`
	Body        rawJSON           `json:"body"`
	Headers     map[string]string `json:"httpHeaders"`
}

type subresponse struct {
	Body        rawJSON           `json:"body"`
	Headers     map[string]string `json:"httpHeaders"`
	Status      int               `json:"httpStatusCode"`
	ReferenceID string            `json:"referenceId"`
}

var (
	referenceIDPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	referencePattern   = regexp.MustCompile(`@\{([A-Za-z][A-Za-z0-9_]*)((?:\[\d+\])?(?:\.[A-Za-z0-9_]+(?:\[\d+\])?)*)\}`)
)

// composite is POST composite: up to 25 requests in their order, each of which may
// use what earlier ones answered, as one API call.
func composite(c *call) *response {
	var in struct {
		AllOrNone bool         `json:"allOrNone"`
		Collate   bool         `json:"collateSubrequests"`
		Requests  []subrequest `json:"compositeRequest"`
	}
	if err := c.unmarshal(&in); err != nil {
		return failure(err)
	}
	if err := checkSubrequests(in.Requests); err != nil {
		return failure(err)
	}
	mark := c.tx.mark()
	answers := map[string]rawJSON{}
	out := make([]subresponse, 0, len(in.Requests))
	failed := -1
	for i, sub := range in.Requests {
		resp := c.compositePart(sub, answers)
		if !resp.ok() && in.AllOrNone {
			failed = i
		}
		out = append(out, subresponse{Body: bodyOrNull(resp), Headers: headersOf(resp), Status: resp.status, ReferenceID: sub.ReferenceID})
		if failed >= 0 {
			break
		}
	}
	if failed >= 0 {
		c.tx.rollback(mark)
		out = haltAll(in.Requests, out, failed)
	}
	return answer(http.StatusOK, map[string]any{"compositeResponse": out})
}

func checkSubrequests(subs []subrequest) *apiError {
	if len(subs) == 0 {
		return badRequest("REQUIRED_FIELD_MISSING", "The list compositeRequest is empty")
	}
	if len(subs) > maxSubrequests {
		return badRequest("LIMIT_EXCEEDED", "The limit on the number of subrequests is %d", maxSubrequests)
	}
	seen := map[string]bool{}
	heavy := 0
	for _, sub := range subs {
		if !referenceIDPattern.MatchString(sub.ReferenceID) {
			return badRequest("INVALID_INPUT", "Provided referenceId ('%s') is invalid: it must begin with a letter and hold letters, numbers and underscores only", sub.ReferenceID)
		}
		if seen[sub.ReferenceID] {
			return badRequest("INVALID_INPUT", "Duplicate referenceId provided: %s", sub.ReferenceID)
		}
		seen[sub.ReferenceID] = true
		path, _, _ := strings.Cut(sub.URL, "?")
		if strings.Contains(path, "/composite/sobjects") || strings.Contains(path, "/query") {
			heavy++
		}
	}
	if heavy > maxHeavy {
		return badRequest("LIMIT_EXCEEDED", "The limit on the number of query and sObject Collections subrequests is %d", maxHeavy)
	}
	return nil
}

// compositePart runs one subrequest, with what it refers to filled in, and keeps its answer.
func (c *call) compositePart(sub subrequest, answers map[string]rawJSON) *response {
	path, err := fillReferences(sub.URL, answers)
	if err != nil {
		return failure(err)
	}
	body, err := fillReferences(string(sub.Body), answers)
	if err != nil {
		return failure(err)
	}
	resp := c.faultyPart(sub.Method, path, []byte(body))
	if resp.ok() {
		answers[sub.ReferenceID] = rawJSON(resp.body)
	}
	return resp
}

// faultyPart runs a subrequest unless it meets a fault. Of those only the ones that
// name its operation and give it an answer mean a part and not the whole request.
func (c *call) faultyPart(method, target string, body []byte) *response {
	operation := ""
	if u, err := url.Parse(target); err == nil {
		if found, err := match(method, u.EscapedPath()); err == nil {
			operation = found.operation
		}
	}
	fault := c.s.faults.spend(func(f *Fault) bool {
		return f.Operation != "" && f.Operation == operation && (f.Method == "" || f.Method == method) &&
			strings.Contains(target, f.Path) && !f.meetsRows() && f.replaces() && !f.Cut && !f.late()
	})
	if fault == nil {
		return c.sub(method, target, body)
	}
	if fault.AfterCommit {
		c.sub(method, target, body)
	}
	return fault.response(operation)
}

// operations are those that a request's time is made of: of a composite one, which
// is carried out part by part, its collections.
func (c *call) operations(rt *route) []string {
	if rt.operation != "composite" {
		return []string{rt.operation}
	}
	var operations []string
	gjson.GetBytes(c.body, "compositeRequest").ForEach(func(_, part gjson.Result) bool {
		path, _, _ := strings.Cut(part.Get("url").String(), "?")
		if found, err := match(part.Get("method").String(), path); err == nil && strings.HasPrefix(found.operation, "collections_") {
			operations = append(operations, found.operation)
		}
		return true
	})
	if len(operations) == 0 {
		return []string{rt.operation}
	}
	return operations
}

// fillReferences replaces each @{referenceId.path}. Any other @{ is a mistake, as
// also where it is part of a text that means something else.
func fillReferences(s string, answers map[string]rawJSON) (string, *apiError) {
	var fault *apiError
	out := referencePattern.ReplaceAllStringFunc(s, func(ref string) string {
		parts := referencePattern.FindStringSubmatch(ref)
		path := strings.TrimPrefix(strings.NewReplacer("[", ".", "]", "").Replace(parts[2]), ".")
		value := gjson.GetBytes(answers[parts[1]], path)
		if !value.Exists() || value.IsObject() || value.IsArray() {
			fault = badRequest("PROCESSING_HALTED", "Invalid reference specified. No value for %s found in %s", path, parts[1])
		}
		quoted, _ := json.Marshal(value.String())
		return string(quoted[1 : len(quoted)-1])
	})
	if fault == nil && strings.Contains(referencePattern.ReplaceAllString(s, ""), "@{") {
		fault = badRequest("PROCESSING_HALTED", "Invalid reference specified.")
	}
	return out, fault
}

// haltAll answers every subrequest but the one that failed as rolled back or never begun.
func haltAll(subs []subrequest, done []subresponse, failed int) []subresponse {
	out := make([]subresponse, len(subs))
	for i, sub := range subs {
		if i == failed {
			out[i] = done[i]
			continue
		}
		halted := failure(badRequest("PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed."))
		out[i] = subresponse{Body: halted.body, Headers: map[string]string{}, Status: halted.status, ReferenceID: sub.ReferenceID}
	}
	return out
}

// sub runs one request inside another one, in the same transaction.
func (c *call) sub(method, target string, body []byte) *response {
	u, err := url.Parse(target)
	if err != nil {
		return failure(badRequest("INVALID_INPUT", "%v", err))
	}
	found, apiErr := match(method, u.EscapedPath())
	if apiErr != nil {
		return failure(apiErr)
	}
	if found.operation == "composite" || found.operation == "batch" {
		return failure(badRequest("INVALID_INPUT", "A composite request cannot be inside another one"))
	}
	if strings.TrimSpace(string(body)) == "null" {
		body = nil
	}
	part := &call{
		s: c.s, tx: c.tx, method: method, version: found.version, args: found.args,
		query: u.Query(), header: c.header, body: body, user: c.user,
	}
	return part.handled(found.route)
}

// batch is POST composite/batch: up to 25 independent requests, each counted as
// one, run in their order. Their URLs begin with the version.
func batch(c *call) *response {
	var in struct {
		Halt     bool `json:"haltOnError"`
		Requests []struct {
			Method string  `json:"method"`
			URL    string  `json:"url"`
			Body   rawJSON `json:"richInput"`
		} `json:"batchRequests"`
	}
	if err := c.unmarshal(&in); err != nil {
		return failure(err)
	}
	if len(in.Requests) == 0 || len(in.Requests) > maxSubrequests {
		return failure(badRequest("LIMIT_EXCEEDED", "A batch has 1 to %d subrequests", maxSubrequests))
	}
	type result struct {
		Status int     `json:"statusCode"`
		Result rawJSON `json:"result"`
	}
	results := make([]result, 0, len(in.Requests))
	hasErrors := false
	for _, sub := range in.Requests {
		var resp *response
		if hasErrors && in.Halt {
			resp = failure(fail(http.StatusPreconditionFailed, "BATCH_PROCESSING_HALTED", "Batch processing halted per request"))
		} else {
			c.s.usage.count(c.s.now())
			resp = c.sub(sub.Method, "/services/data/"+strings.TrimPrefix(strings.TrimPrefix(sub.URL, "/services/data"), "/"), sub.Body)
		}
		hasErrors = hasErrors || !resp.ok()
		results = append(results, result{resp.status, bodyOrNull(resp)})
	}
	return answer(http.StatusOK, map[string]any{"hasErrors": hasErrors, "results": results})
}

func bodyOrNull(r *response) rawJSON {
	if len(r.body) == 0 {
		return rawJSON("null")
	}
	return r.body
}

func headersOf(r *response) map[string]string {
	out := map[string]string{}
	if location := r.header.Get("Location"); location != "" {
		out["Location"] = location
	}
	return out
}
