package dashboards

func sink() Dashboard {
	return Dashboard{
		Name: "sink", Title: "callfold / Sink",
		Description: "Does Salesforce take what it is to hold, and at what cost?",
		Rows: []Row{
			{"Does Salesforce take it?", []Panel{
				{
					Kind: TimeSeries, Title: "Stopped, by reason", Unit: Count, Stacked: true, Runbook: "sink-paused",
					Description: "Processes that write nothing, and why. Good: 0. The reason is a class of the table below, which has its mend. No call is lost, and it goes on by itself.",
					Queries:     []Query{{Expr: `sum by (reason) (callfold_sink_paused{$here})`, Legend: "{{reason}}"}},
				},
				{
					Kind: TimeSeries, Title: "Oldest call not written", Unit: Seconds, Runbook: "waiting-calls",
					Description: "By pod. Good: 0. It grows while writing is stopped, or while one call is refused again and again.",
					Levels:      []Level{warn(300), alarm(3600)},
					Queries:     []Query{{Expr: `max by (pod) (callfold_sink_oldest_unwritten_seconds{$here})`, Legend: "{{pod}}"}},
				},
				{
					Kind: TimeSeries, Title: "Parked calls", Unit: Count, Runbook: "waiting-calls",
					Description: "Calls that Salesforce refused for the moment and that are tried again (retrying), by pod. Good: a few, for minutes. Many: see their classes below.",
					Queries:     []Query{{Expr: `sum by (pod) (callfold_sink_parked_calls{$here})`, Legend: "{{pod}}"}},
				},
				errorsByClass(),
				{
					Kind: TimeSeries, Title: "Tried again, by class", Unit: PerSecond, Stacked: true, Empty: "none",
					Description: "Rows and requests that are tried again. contention is locks of others; heavy is triggers and flows; outage is Salesforce or the network.",
					Queries:     []Query{{Expr: `sum by (class) (rate(callfold_sink_retries_total{$here}[$__rate_interval])) > 0`, Legend: "{{class}}"}},
				},
				{
					Kind: TimeSeries, Title: "Rejected, by class", Unit: PerSecond, Stacked: true, Runbook: "rejected", Empty: "none",
					Description: "Calls refused for good, or 24 times. Good: none. Else: `callfold outcomes list` names field and mend; then `callfold outcomes retry`.",
					Queries:     []Query{{Expr: `sum by (class) (rate(callfold_sink_refusals_total{$here}[$__rate_interval])) > 0`, Legend: "{{class}}"}},
				},
				{
					Kind: TimeSeries, Title: "Tasks read back", Unit: PerSecond, Empty: "none",
					Description: "After requests of which nobody knew what became of them. Good: as_wanted. mended is why they are read back. gone: somebody deleted the Task meanwhile.",
					Queries:     []Query{{Expr: `sum by (result) (rate(callfold_sink_confirmed_total{$here}[$__rate_interval])) > 0`, Legend: "{{result}}"}},
				},
			}},
			{"What is written, and how fresh is it?", []Panel{
				{
					Kind: TimeSeries, Title: "Calls, by outcome", Unit: RowsPerSec, Stacked: true, Runbook: "rejected", Width: 7,
					Description: "What the sink decided. Good: created, updated, unchanged, waiting, skipped.",
					Queries:     []Query{{Expr: `sum by (result) (rate(callfold_sink_rows_total{$here}[$__rate_interval])) > 0`, Legend: "{{result}}"}},
				},
				{
					Kind: TimeSeries, Title: "From event to Task", Unit: Seconds, Runbook: "freshness", Width: 7,
					Description: "How old the newest event of a call was when its Task was written. Good: the median in seconds, or up to `sink.max_linger` while API requests are saved.",
					Levels:      []Level{warn(60), alarm(300)},
					Queries: []Query{
						{Expr: quantile("0.5", "callfold_sink_event_to_task_seconds", "", "$__rate_interval"), Legend: "half"},
						{Expr: quantile("0.95", "callfold_sink_event_to_task_seconds", "", "$__rate_interval"), Legend: "95 %"},
						{Expr: quantile("0.99", "callfold_sink_event_to_task_seconds", "", "$__rate_interval"), Legend: "99 %"},
					},
				},
				{
					Kind: TimeSeries, Title: "Numbers looked up", Unit: PerSecond, Stacked: true, Width: 6,
					Description: "By where the match came from. Good: mostly remembered and cache. Many of query cost API requests, and in a large org seconds.",
					Queries:     []Query{{Expr: `sum by (source) (rate(callfold_sink_lookups_total{$here}[$__rate_interval]))`, Legend: "{{source}}"}},
				},
				{
					Kind: Stat, Title: "Agents without a user", Unit: Count, Height: 8,
					Description: "Aircall users who took calls of the last day and are no active Salesforce users by e-mail or alias. Good: 0. Else their calls go to others: `callfold doctor` names them; see `owner.aliases`.",
					Levels:      []Level{warn(1)},
					Queries:     []Query{{Expr: `max(callfold_sink_unmapped_agents{$here})`, Legend: "agents"}},
				},
			}},
			{"Requests to Salesforce", []Panel{
				{
					Kind: TimeSeries, Title: "By operation", Unit: RequestsPerSec, Stacked: true, Width: 6,
					Description: "API requests. Good: far fewer than calls. composite and collections write, query looks up.",
					Queries:     []Query{{Expr: `sum by (operation) (rate(callfold_salesforce_requests_total{$here}[$__rate_interval])) > 0`, Legend: "{{operation}}"}},
				},
				{
					Kind: TimeSeries, Title: "By result", Unit: RequestsPerSec, Stacked: true, Width: 6, Runbook: "sink-paused",
					Description: "Good: ok. refused: see the classes above. unanswered: Salesforce or the network; their rows are read back later.",
					Queries:     []Query{{Expr: `sum by (result) (rate(callfold_salesforce_requests_total{$here}[$__rate_interval]))`, Legend: "{{result}}"}},
				},
				{
					Kind: TimeSeries, Title: "How long Salesforce takes", Unit: Seconds, Width: 6,
					Description: "95 % of the requests of an operation take less. Good: under a second or two. More: triggers and flows on Task, or a phone search in millions of records.",
					Levels:      []Level{warn(10)},
					Queries:     []Query{{Expr: quantileBy("operation", "0.95", "callfold_salesforce_request_seconds", "") + ` >= 0`, Legend: "{{operation}}"}},
				},
				{
					Kind: TimeSeries, Title: "API requests for a call", Unit: Count, Width: 6,
					Description: "Requests for each Task created or updated. Good: below 1 when it is busy (the documentation's day has 0.03 a call), about 2 when calls come one by one.",
					Queries:     []Query{{Expr: `sum(rate(callfold_salesforce_requests_total{$here}[$__rate_interval])) / (sum(rate(callfold_sink_rows_total{$here,result=~"created|updated"}[$__rate_interval])) > 0)`, Legend: "requests"}},
				},
			}},
			{"Governor: how it holds back", []Panel{
				{
					Kind: TimeSeries, Title: "API requests last for", Unit: Seconds, Runbook: "api-budget",
					Description: "In how long our share of the org's API requests is used up at the pace of the last hour; a week stands for not in sight. Good: more than is left of the day. At 0 the sink stops.",
					Queries:     []Query{{Expr: `clamp_max(min by (namespace, release) (callfold_sink_api_exhaustion_seconds{$here}), 7 * 86400)`, Legend: "{{release}}"}},
				},
				{
					Kind: TimeSeries, Title: "Write requests at once", Unit: Count,
					Description: "How many may be under way, by pod. Good: level. It is halved when rows are locked or Salesforce takes no more at once, and comes back by one a round.",
					Queries:     []Query{{Expr: `max by (pod) (callfold_sink_write_slots{$here})`, Legend: "{{pod}}"}},
				},
				{
					Kind: TimeSeries, Title: "Letting calls gather", Unit: Seconds,
					Description: "How long lanes wait for more calls before they spend API requests. Good: 0 while requests are left, `sink.max_linger` at most.",
					Queries:     []Query{{Expr: `max by (pod) (callfold_sink_linger_seconds{$here})`, Legend: "{{pod}}"}},
				},
			}},
			{"Does it keep up?", behind("sink", "Salesforce included. Good: a second or two. More: Salesforce is slow, see its requests.")},
			{"Does Kafka take its work?", transactions("sink")},
			{"Are its tables there, and is it ready?", tables("sink")},
		},
	}
}
