package dashboards

func replays() Dashboard {
	return Dashboard{
		Name: "replays", Title: "callfold / Replays",
		Description: "How does a rebuild of Salesforce go, and do live calls suffer from it?",
		Rows: []Row{
			{"How does the rebuild go?", []Panel{
				{
					Kind: Text, Title: "Where to look", Height: 4,
					Description: "How to read this page.",
					Markdown: "`callfold replay status` says how much of a plan is done; this page says how fast it goes and what it costs. `callfold replay pause` and `resume` hold it up, `abort` ends it. " +
						"Commands go as fast as the sink carries them out, live calls first. See [Rebuilding](https://github.com/callfold/callfold/blob/main/docs/rebuilding.md).",
				},
				{
					Kind: TimeSeries, Title: "Rewrites, by what became of them", Unit: RowsPerSec, Stacked: true, Empty: "no rewrites",
					Description: "Good: updated, created, unchanged. bulk is given to a job and comes again as an outcome. put_off waits for API requests. rejected: Salesforce refuses it; `callfold outcomes list` says why.",
					Queries:     []Query{{Expr: `sum by (result) (rate(callfold_sink_rewrites_total{$here}[$__rate_interval])) > 0`, Legend: "{{result}}"}},
				},
				{
					Kind: Table, Title: "Rewrites of the time that is chosen", Unit: Count,
					Description: "Good: no rejected, no retrying. The canary of an apply stops it where more than five of the first hundred are rejected.",
					Width:       8, Empty: "no rewrites",
					Queries: []Query{{Expr: `sum by (result) (increase(callfold_sink_rewrites_total{$here}[$__range]))`, Legend: "{{result}}"}},
					Columns: []Column{{Field: "result", Title: "Became"}, {Field: "Value", Title: "Rewrites"}},
				},
				{
					Kind: Stat, Title: "Put off, last hour", Unit: Count, Height: 8, Runbook: "api-budget",
					Description: "Rewrites that began to wait for API requests in the last hour. Good: 0. Else less than twice `salesforce.api_reserve` is left; they go on by themselves within the hour after there is more.",
					Levels:      []Level{warn(1)},
					Queries:     []Query{{Expr: `sum(increase(callfold_sink_rewrites_total{$here,result="put_off"}[1h]))`, Legend: "rewrites"}},
				},
				{
					Kind: Stat, Title: "Rejected, last hour", Unit: Count, Height: 8, Runbook: "rejected",
					Description: "Rewrites that Salesforce refused in the last hour. Good: 0. Else: `callfold outcomes list` names field and mend; then `callfold outcomes retry`, and the same apply goes on.",
					Levels:      []Level{warn(1), alarm(6)},
					Queries:     []Query{{Expr: `sum(increase(callfold_sink_rewrites_total{$here,result="rejected"}[1h]))`, Legend: "rewrites"}},
				},
			}},
			{"Bulk jobs", []Panel{
				{
					Kind: TimeSeries, Title: "Rows of ended jobs", Unit: RowsPerSec, Stacked: true, Width: 12, Empty: "no jobs",
					Description: "Good: written. refused and untold rows are written by collections then. More rewrites than `sink.bulk_above` at once go by jobs.",
					Queries:     []Query{{Expr: `sum by (result) (rate(callfold_sink_bulk_rows_total{$here}[$__rate_interval])) > 0`, Legend: "{{result}}"}},
				},
				{
					Kind: TimeSeries, Title: "Jobs, by how they ended", Unit: Count, Width: 12, Empty: "no jobs",
					Description: "Within an hour. Good: complete. failed and aborted leave rows to collections: see Setup, Bulk Data Load Jobs, and the log.",
					Queries:     []Query{{Expr: `sum by (result) (increase(callfold_sink_bulk_jobs_total{$here}[1h])) > 0`, Legend: "{{result}}"}},
				},
			}},
			{"Do live calls suffer?", []Panel{
				{
					Kind: TimeSeries, Title: "From event to Task", Unit: Seconds, Runbook: "freshness", More: "sink",
					Description: "Of live calls; a rewrite is not counted. Good: as before the rebuild, or a few seconds more. Else: `callfold replay pause`.",
					Levels:      []Level{warn(60), alarm(300)},
					Queries: []Query{
						{Expr: quantile("0.5", "callfold_sink_event_to_task_seconds", "", "$__rate_interval"), Legend: "half"},
						{Expr: quantile("0.95", "callfold_sink_event_to_task_seconds", "", "$__rate_interval"), Legend: "95 %"},
					},
				},
				{
					Kind: TimeSeries, Title: "Lag of the sink", Unit: Seconds, Runbook: "lag", More: "sink",
					Description: "Good: seconds. An apply waits for the sink, so it stays small; where it grows, Salesforce has become slow.",
					Levels:      []Level{warn(60), alarm(300)},
					Queries:     []Query{{Expr: `max by (namespace, release) (callfold_lag_seconds{$here,stage="sink"})`, Legend: "{{release}}"}},
				},
				{
					Kind: TimeSeries, Title: "API requests of the org", Unit: Count, Runbook: "api-budget", More: "overview",
					Description: "Of 24 hours, and the allocation. Good: far below; a rewrite costs a two-hundredth to a thousandth of a request, and its lookups. Rewrites wait by themselves when requests get short.",
					Queries: []Query{
						{Expr: `max by (namespace, release) (callfold_salesforce_api_requests_used{$here})`, Legend: "{{release}} used"},
						{Expr: `max by (namespace, release) (callfold_salesforce_api_requests_allowed{$here})`, Legend: "{{release}} allocation"},
					},
				},
			}},
			{"Looking all the time (sink.reconcile)", []Panel{
				{
					Kind: TimeSeries, Title: "Calls compared", Unit: RowsPerSec, Width: 8, Empty: "sink.reconcile is off",
					Description: "Calls whose Tasks were looked for, and compared with what was written to them. Good: about 3,000 an hour for each process, or fewer calls than that.",
					Queries:     []Query{{Expr: `sum(rate(callfold_sink_reconcile_calls_total{$here}[1h]))`, Legend: "calls"}},
				},
				{
					Kind: TimeSeries, Title: "Found", Unit: Count, Width: 8, Empty: "sink.reconcile is off", Runbook: "unaccounted",
					Description: "Within a day: Tasks that are missing, or that somebody deleted, edited or duplicated, and those of no call (orphaned). Any number may be right; `callfold reconcile` lists them. What is not mended counts again in each round.",
					Queries:     []Query{{Expr: `sum by (kind) (increase(callfold_sink_reconcile_found_total{$here}[24h]))`, Legend: "{{kind}}"}},
				},
				{
					Kind: TimeSeries, Title: "Rewritten", Unit: Count, Width: 8, Empty: "sink.reconcile is off",
					Description: "Within a day, of those found. Good: few. The same number each round: a flow or trigger changes the field again; leave it out, or name it in `tasks.preserve_edits`.",
					Queries:     []Query{{Expr: `sum by (kind) (increase(callfold_sink_reconcile_rewritten_total{$here}[24h]))`, Legend: "{{kind}}"}},
				},
			}},
		},
	}
}
