package chart

import (
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
)

// TestStrictDecoding wants no object with a field that its owner does not know, and no
// object twice. The dashboards and the alerts are the real ones here.
func TestStrictDecoding(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, values chartutil.Values) {
		objects := objectsOf(t, values)
		seen := map[string]bool{}
		for _, o := range objects {
			if seen[o.String()] {
				t.Errorf("%s: %s is there twice", o.template, o)
			}
			seen[o.String()] = true
			if o.meta.Namespace != "" {
				t.Errorf("%s: %s names a namespace; helm's counts", o.template, o)
			}
		}
		if len(objects) < 15 {
			t.Errorf("only %d objects", len(objects))
		}
	})
}

// TestStrictDecodingNotices breaks objects in ways that must not pass.
func TestStrictDecodingNotices(t *testing.T) {
	decoder := strict(t)
	for name, text := range map[string]string{
		"a misspelt field": "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {port: []}}",
		"a field of a PodMonitor": `{apiVersion: monitoring.coreos.com/v1, kind: PodMonitor, metadata: {name: a},
			spec: {selector: {}, podMetricsEndpoints: [{portName: admin}]}}`,
		"a field of an HTTPRoute": "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}, spec: {parents: []}}",
		"an unknown kind":         "{apiVersion: v1, kind: Servant, metadata: {name: a}}",
	} {
		if _, _, err := decoder.Decode([]byte(text), nil, nil); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
