package chart

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
)

// TestSchemaRefuses: a mistake in the values is an error that names its place.
func TestSchemaRefuses(t *testing.T) {
	for name, test := range map[string]struct{ values, says string }{
		"an unknown key":                    {"replicaCount: 3", "replicaCount"},
		"an unknown key of a component":     {"sink: {replica: 3}", "replica"},
		"an unknown key of a probe":         {"sink: {livenessProbe: {httpGet: {}}}", "httpGet"},
		"an unknown resource section":       {"sink: {resources: {limit: {}}}", "limit"},
		"a key of another component":        {"processor: {journal: {enabled: true}}", "journal"},
		"an unknown secret":                 {"secrets: {kafka: {existingSecret: a}}", "kafka"},
		"a secret in the values":            {"secrets: {salesforce: {privateKey: a}}", "privateKey"},
		"a secret in the environment":       {"sink: {extraEnv: [{name: A, valueFrom: {secretKeyRef: {name: a, key: b}}}]}", "secretKeyRef"},
		"text for a number":                 {`sink: {replicas: "3"}`, "replicas"},
		"no pods":                           {"sink: {replicas: 0}", "replicas"},
		"text for a truth":                  {`podMonitor: {enabled: "yes"}`, "enabled"},
		"a number for a label":              {"commonLabels: {team: 7}", "team"},
		"a label that selects pods":         {"sink: {podLabels: {app.kubernetes.io/name: a}}", "app.kubernetes.io/name"},
		"a label of the chart's":            {"commonLabels: {app.kubernetes.io/part-of: a}", "app.kubernetes.io/part-of"},
		"a section that is null":            {"sink: {autoscaling: null}", "autoscaling"},
		"a list that is null":               {"sink: {extraEnv: null}", "extraEnv"},
		"settings that are no mapping":      {"settings: [1]", "settings"},
		"scaled to zero":                    {"sink: {autoscaling: {minReplicas: 0}}", "minReplicas"},
		"less time to stop than it takes":   {"sink: {terminationGracePeriodSeconds: 30}", "terminationGracePeriodSeconds"},
		"no time for webhooks to end":       {"ingest: {preStopSeconds: 0}", "preStopSeconds"},
		"root":                              {"podSecurityContext: {runAsUser: 0}", "runAsUser"},
		"a privilege":                       {"podSecurityContext: {privileged: true}", "privileged"},
		"a digest without its algorithm":    {"image: {digest: 0123abcd}", "digest"},
		"an unknown policy of pulling":      {"image: {pullPolicy: Sometimes}", "pullPolicy"},
		"a size that is none":               {"sink: {persistence: {size: big}}", "size"},
		"a duration without a unit":         {`canary: {every: "5"}`, "every"},
		"a time that is none":               {"backfill: {from: yesterday}", "from"},
		"a constraint without its topology": {"sink: {topologySpreadConstraints: [{maxSkew: 1, whenUnsatisfiable: ScheduleAnyway}]}", "topologyKey"},
		"a peer of another kind":            {"networkPolicy: {webhook: {from: [{cidr: 10.0.0.0/8}]}}", "cidr"},
		"an authority from a Secret":        {"trustedCAs: {existingSecret: a}", "existingSecret"},
		"no port of Aircall":                {"networkPolicy: {aircall: {ports: []}}", "ports"},
		"a port that is none":               {"networkPolicy: {kafka: {ports: [70000]}}", "ports"},
		"a list of hosts for an Ingress":    {"ingress: {hosts: [a]}", "hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(loadChart(t), minimal(t, test.values))
			if err == nil {
				t.Fatalf("%s was taken", test.values)
			}
			if !strings.Contains(err.Error(), "values don't meet the specifications of the schema") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error does not name %s: %v", test.says, err)
			}
		})
	}
}

// TestChartRefuses: what a schema cannot say is said by the templates, all at once.
func TestChartRefuses(t *testing.T) {
	for name, test := range map[string]struct{ values, says string }{
		"latest":                      {"image: {tag: latest}", "image.tag"},
		"no tokens":                   {`secrets: {webhookTokens: {existingSecret: ""}}`, "secrets.webhookTokens.existingSecret"},
		"no key for Salesforce":       {`secrets: {salesforce: {existingSecret: ""}}`, "secrets.salesforce.existingSecret"},
		"no brokers":                  {"settings: {kafka: {brokers: []}}", "settings.kafka.brokers"},
		"a broker without its port":   {"settings: {kafka: {brokers: [a]}}", "a names no port"},
		"no time after preStop":       {"ingest: {preStopSeconds: 31}", "ingest.terminationGracePeriodSeconds: make it 46"},
		"no section of Kafka":         {"settings: {kafka: null}", "settings.kafka.brokers"},
		"a sign-in without password":  {"settings: {kafka: {sasl: {mechanism: plain, username: a}}}", "secrets.kafkaPassword"},
		"certificates without TLS":    {"secrets: {kafkaCA: {existingSecret: a}}", "settings.kafka.tls.enabled"},
		"a backfill without a key":    {"backfill: {enabled: true}", "secrets.aircallAPI"},
		"a token without its id":      {"secrets: {aircallAPI: {existingSecret: a}}", "settings.aircall.api_id"},
		"more pods than partitions":   {"processor: {replicas: 13}", "settings.kafka.partitions, 12"},
		"scaled beyond partitions":    {"settings: {kafka: {partitions: 4}}\nsink: {autoscaling: {enabled: true}}", "sink.autoscaling.maxReplicas: 6"},
		"more lanes than partitions":  {"sink: {replicas: 7}", "sink.replicas: 7, with 2 of settings.sink.lanes in each"},
		"lanes that are set":          {"settings: {processor: {lanes: 7}}", "processor.replicas: 2, with 7 of settings.processor.lanes"},
		"a lane per core":             {"settings: {sink: {lanes: 0}}\nsink: {replicas: 7}", "sink.replicas: 7, with 2 of"},
		"lanes of nobody":             {"settings: {sink: null}\nsink: {replicas: 7}", "sink.replicas: 7, with 2 of"},
		"a journal for no volume":     {"ingest: {journal: {size: 1Gi}}", "settings.ingest.journal_max_bytes: 1073741824 is more than nine tenths of ingest.journal.size, 1Gi: make it 966367641 or less"},
		"a journal beyond its volume": {"settings: {ingest: {journal_max_bytes: 5000000000000}}\ningest: {journal: {size: 5Ti}}", "5000000000000 is more than"},
		"a journal of Mi":             {"settings: {ingest: {journal_max_bytes: 500000000}}\ningest: {journal: {size: 512Mi}}", "make it 483183820 or less"},
		"bounds the wrong way round":  {"ingest: {autoscaling: {enabled: true, minReplicas: 9}}", "ingest.autoscaling.minReplicas: 9"},
		"an Ingress for no host":      {"ingress: {enabled: true}", "ingress.host"},
		"a route of no Gateway":       {"gateway: {enabled: true}", "gateway.parentRefs"},
		"a name for all processes":    {"settings: {kafka: {instance: a}}", "settings.kafka.instance is the chart's"},
		"a path of the chart's":       {"settings: {sink: {state_dir: /data}}", "settings.sink.state_dir is the chart's"},
		"a secret among settings":     {"settings: {ingest: {tokens: [a]}}", "use secrets.webhookTokens"},
		"a port of the chart's":       {`settings: {admin: {listen: ":1"}}`, "settings.admin.listen is the chart's"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(loadChart(t), minimal(t, test.values))
			if err == nil {
				t.Fatalf("%s was taken", test.values)
			}
			if !strings.Contains(err.Error(), "callfold: the values have 1 problem:") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is not that of %s alone: %v", test.says, err)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		_, err := render(loadChart(t), chartutil.Values{})
		if err == nil || !strings.Contains(err.Error(), "callfold: the values have 3 problems:") {
			t.Errorf("no values at all: %v", err)
		}
	})
}

// TestChartTakes: what is at the bounds of what the templates refuse.
func TestChartTakes(t *testing.T) {
	for name, values := range map[string]string{
		"as many lanes as partitions":   "sink: {replicas: 6}\nprocessor: {replicas: 12}",
		"one lane in each":              "settings: {sink: {lanes: 1}}\nsink: {replicas: 12}",
		"nine tenths of a volume":       "settings: {ingest: {journal_max_bytes: 1932735283}}",
		"a volume of another unit":      "ingest: {journal: {size: 1G}}",
		"a volume that is not made":     "ingest: {journal: {enabled: false, size: 1Gi}}",
		"part of a unit":                "ingest: {journal: {size: 1.2Gi}}",
		"more partitions, and so lanes": "settings: {kafka: {partitions: 24}}\nsink: {autoscaling: {enabled: true, maxReplicas: 12}}",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := render(loadChart(t), minimal(t, values)); err != nil {
				t.Errorf("%s was refused: %v", values, err)
			}
		})
	}
}

// TestSchemaIsClosed: every mapping that has named members refuses others.
func TestSchemaIsClosed(t *testing.T) {
	text, err := os.ReadFile(chartDir + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	looked := 0
	walk(schema, "", func(path string, of map[string]any) {
		if _, named := of["properties"].(map[string]any); named && of["type"] == "object" {
			looked++
			if of["additionalProperties"] != false {
				t.Errorf("%s: takes unknown keys", path)
			}
		}
	})
	if looked < 20 {
		t.Errorf("only %d mappings", looked)
	}
}

func walk(schema map[string]any, path string, look func(path string, of map[string]any)) {
	look(path, schema)
	for _, name := range slices.Sorted(maps.Keys(schema)) {
		switch of := schema[name].(type) {
		case map[string]any:
			walk(of, path+"/"+name, look)
		case []any:
			for i, item := range of {
				if item, ok := item.(map[string]any); ok {
					walk(item, fmt.Sprintf("%s/%s/%d", path, name, i), look)
				}
			}
		}
	}
}
