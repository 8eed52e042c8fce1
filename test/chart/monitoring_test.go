package chart

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	corev1 "k8s.io/api/core/v1"
)

// TestMonitoring wants Prometheus to find every pod that runs, and to call the release as
// dashboards and alerts do; and all of these to be there, as they are in the chart.
func TestMonitoring(t *testing.T) {
	objects := objectsOf(t, readValues(t, chartDir+"/ci/everything-values.yaml"))
	monitor := ofType[*monitoringv1.PodMonitor](objects)[0]
	endpoint := monitor.Spec.PodMetricsEndpoints[0]
	for _, p := range podsOf(objects) {
		if p.runs() && (!selects(t, &monitor.Spec.Selector, p.meta.Labels) || !hasPort(p, *endpoint.Port)) {
			t.Errorf("Prometheus does not find %s", p.owner)
		}
	}
	if r := endpoint.RelabelConfigs[0]; r.TargetLabel != "release" || len(r.SourceLabels) != 1 || r.SourceLabels[0] != "__meta_kubernetes_pod_label_app_kubernetes_io_instance" {
		t.Errorf("the release is told by %+v", r)
	}

	dashboards := map[string]bool{}
	for _, c := range ofType[*corev1.ConfigMap](objects) {
		if c.Labels["grafana_dashboard"] != "1" {
			continue
		}
		for name, text := range c.Data {
			dashboards[name] = true
			if !json.Valid([]byte(text)) {
				t.Errorf("%s is no JSON", name)
			}
		}
	}
	paths, err := filepath.Glob(chartDir + "/dashboards/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there is no dashboard: %v", err)
	}
	for _, path := range paths {
		// Those of all charts are in one folder of Grafana's.
		if !dashboards["callfold-"+filepath.Base(path)] {
			t.Errorf("no ConfigMap has %s", path)
		}
	}
}

// TestHalfMonitored: who switches on the alerts and not the metrics, or the other way
// round, is told what that means.
func TestHalfMonitored(t *testing.T) {
	const alerts, metrics = "podMonitor is not", "prometheusRule is not"
	for over, want := range map[string]string{
		"":                                "",
		"podMonitor: {enabled: true}":     metrics,
		"prometheusRule: {enabled: true}": alerts,
		"podMonitor: {enabled: true}\nprometheusRule: {enabled: true}": "",
	} {
		notes := mustRender(t, minimal(t, over))["NOTES.txt"]
		for _, said := range []string{alerts, metrics} {
			if is := strings.Contains(notes, said); is != (said == want) {
				t.Errorf("with %q the notes say %q: %t", over, said, is)
			}
		}
	}
}
