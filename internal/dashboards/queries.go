package dashboards

import "fmt"

// ours are our processes, whatever stage they run: other programs of the namespace have
// metrics of their process, too.
const ours = `go_build_info{$here,path="github.com/callfold/callfold"}`

// quantile is the value of a histogram below which the share q of what happened in the
// window lies, over all pods. more are further matchers, such as `,stage="sink"`. It is
// NaN where nothing happened.
func quantile(q, histogram, more, window string) string {
	return fmt.Sprintf(`histogram_quantile(%s, sum by (le) (rate(%s_bucket{$here%s}[%s])))`, q, histogram, more, window)
}

// quantileBy is the same, for each value of a label.
func quantileBy(label, q, histogram, more string) string {
	return fmt.Sprintf(`histogram_quantile(%s, sum by (%s, le) (rate(%s_bucket{$here%s}[$__rate_interval])))`, q, label, histogram, more)
}

// grown is by how much a counter has grown in some hours, with what a process had counted
// before it was first scraped: increase sees nothing of that, and some things are counted
// when a process starts. All that a process counts that is younger than that was counted
// since, so the larger of the two is taken, as the alerts do.
func grown(counter string, hours int) string {
	return fmt.Sprintf(`((%[1]s and on (namespace, release, pod, instance) process_start_time_seconds{$here} > time() - %[3]d) > increase(%[1]s[%[2]dh]) or increase(%[1]s[%[2]dh]))`,
		counter, hours, hours*3600)
}

// late is the share of a window's events that were in their Task later than the objective
// allows. Prometheus 3 writes le="60.0" where Prometheus 2 writes le="60".
func late(window string) string {
	const freshness = "callfold_sink_event_to_task_seconds"
	return fmt.Sprintf(`1 - sum by (namespace, release) (rate(%[1]s_bucket{$here,le=~"60|60.0"}[%[2]s])) / (sum by (namespace, release) (rate(%[1]s_count{$here}[%[2]s])) > 0)`, freshness, window)
}
