package sfsim

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// route is one resource and method of the REST API. A * in the pattern stands
// for any one part of the path.
type route struct {
	method    string
	pattern   string // after /services/data/vNN.0/
	operation string // the metric's label, and Fault.Operation
	writes    bool
	handle    func(*call) *response
}

// routes is set in init: the composite handlers go through it themselves.
var routes []*route

func init() {
	routes = []*route{
		{"GET", "", "resources", false, resources},
		{"GET", "limits", "limits", false, limits},
		{"GET", "sobjects", "describe_global", false, describeGlobal},
		{"GET", "sobjects/*", "object_info", false, objectInfo},
		{"POST", "sobjects/*", "create", true, create},
		{"GET", "sobjects/*/describe", "describe", false, describe},
		{"GET", "sobjects/*/*", "retrieve", false, retrieve},
		{"PATCH", "sobjects/*/*", "update", true, update},
		{"DELETE", "sobjects/*/*", "delete", true, remove},
		{"GET", "sobjects/*/*/*", "retrieve_external", false, retrieveExternal},
		{"PATCH", "sobjects/*/*/*", "upsert", true, upsert},
		{"DELETE", "sobjects/*/*/*", "delete_external", true, removeExternal},
		{"GET", "query", "query", false, query},
		{"GET", "query/*", "query_more", false, queryMore},
		{"GET", "queryAll", "query", false, queryAll},
		{"GET", "queryAll/*", "query_more", false, queryMore},
		{"POST", "composite/sobjects", "collections_create", true, collectionsCreate},
		{"PATCH", "composite/sobjects", "collections_update", true, collectionsUpdate},
		{"DELETE", "composite/sobjects", "collections_delete", true, collectionsDelete},
		{"GET", "composite/sobjects/*", "collections_retrieve", false, collectionsRetrieve},
		{"POST", "composite/sobjects/*", "collections_retrieve", false, collectionsRetrieve},
		{"PATCH", "composite/sobjects/*/*", "collections_upsert", true, collectionsUpsert},
		{"POST", "composite", "composite", true, composite},
		{"POST", "composite/batch", "batch", true, batch},
		{"GET", "search", "search", false, search},
		{"POST", "parameterizedSearch", "parameterized_search", false, parameterizedSearch},
		{"GET", "jobs/ingest", "bulk_list", false, jobList},
		{"POST", "jobs/ingest", "bulk_create", false, jobCreate},
		{"GET", "jobs/ingest/*", "bulk_info", false, jobStatus},
		{"PATCH", "jobs/ingest/*", "bulk_close", false, jobClose},
		{"DELETE", "jobs/ingest/*", "bulk_delete", false, jobDelete},
		{"PUT", "jobs/ingest/*/batches", "bulk_upload", false, jobUpload},
		{"GET", "jobs/ingest/*/*", "bulk_results", false, jobResults},
		{"GET", "jobs/query", "bulk_query_list", false, queryJobList},
		{"POST", "jobs/query", "bulk_query_create", false, queryJobCreate},
		{"GET", "jobs/query/*", "bulk_query_info", false, queryJobStatus},
		{"PATCH", "jobs/query/*", "bulk_query_close", false, queryJobClose},
		{"DELETE", "jobs/query/*", "bulk_query_delete", false, queryJobDelete},
		{"GET", "jobs/query/*/results", "bulk_query_results", false, queryJobResults},
	}
}

// matched is a route together with what the path said.
type matched struct {
	*route
	version string
	args    []string
}

var unknownRoute = &route{operation: "other"}

// The versions that the simulator speaks. Salesforce retires a version some years
// after its release; newer ones than the newest are unknown paths.
const (
	oldestVersion = 50
	newestVersion = 67
)

var versionPattern = regexp.MustCompile(`^v(\d\d)\.0$`)

// match finds the route of a request by its escaped path.
func match(method, path string) (matched, *apiError) {
	found := matched{route: unknownRoute}
	rest, ok := strings.CutPrefix(path, "/services/data/")
	if !ok {
		return found, notFound()
	}
	parts := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	version := versionPattern.FindStringSubmatch(parts[0])
	if version == nil {
		return found, notFound()
	}
	if n, _ := strconv.Atoi(version[1]); n < oldestVersion || n > newestVersion {
		return found, notFound()
	}
	found.version = parts[0]
	parts = parts[1:]
	var allowed []string
	for _, rt := range routes {
		args, fits := rt.fits(parts)
		if !fits {
			continue
		}
		if rt.method == method || rt.method == "GET" && method == "HEAD" {
			found.route, found.args = rt, args
			return found, nil
		}
		allowed = append(allowed, rt.method)
	}
	if len(allowed) == 0 {
		return found, notFound()
	}
	slices.Sort(allowed)
	return found, fail(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED",
		"HTTP Method '%s' not allowed. Allowed are %s", method, strings.Join(slices.Compact(allowed), ","))
}

// fits compares a path with the pattern and returns the parts that stand for the *s.
func (rt *route) fits(parts []string) (args []string, ok bool) {
	var pattern []string
	if rt.pattern != "" {
		pattern = strings.Split(rt.pattern, "/")
	}
	if len(pattern) != len(parts) {
		return nil, false
	}
	for i, want := range pattern {
		have, err := url.PathUnescape(parts[i])
		if err != nil {
			return nil, false
		}
		switch {
		case want == "*":
			args = append(args, have)
		case want != have:
			return nil, false
		}
	}
	return args, true
}
