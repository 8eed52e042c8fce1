package dashboards

func overview() Dashboard {
	return Dashboard{
		Name: "overview", Title: "callfold / Overview",
		Description: "Are calls reaching Salesforce, and if not, what is to be done?",
		Rows: []Row{
			{"Are calls reaching Salesforce?", []Panel{
				{
					Kind: Stat, Title: "From event to Task", Unit: Seconds, Empty: "no calls", Runbook: "freshness", More: "sink",
					Description: "Of the last 15 minutes' Tasks, 95 % were written within this time after the newest event of their call. Good: seconds, up to a minute or so while the sink saves API requests (`sink.max_linger`). More: look at the row below for the stage that lags.",
					Levels:      []Level{warn(60), alarm(300)},
					Queries:     []Query{{Expr: quantile("0.95", "callfold_sink_event_to_task_seconds", "", "15m") + ` >= 0`, Legend: "95 %"}},
				},
				{
					Kind: Stat, Title: "Oldest call not written", Unit: Seconds, Runbook: "waiting-calls", More: "sink",
					Description: "For how long the oldest call waits that Salesforce did not take. Good: 0. While writing is stopped it grows, and no call is lost; where one call is refused again and again it grows alone: `callfold outcomes list --outcome retrying`.",
					Levels:      []Level{warn(300), alarm(3600)},
					Queries:     []Query{{Expr: `max(callfold_sink_oldest_unwritten_seconds{$here})`, Legend: "oldest"}},
				},
				{
					Kind: Stat, Title: "Writing to Salesforce", Unit: Count, Runbook: "sink-paused", More: "sink",
					Description: "Good: goes on. STOPPED: the table below says why and what to mend. No call is lost meanwhile, and it goes on by itself.",
					Levels:      []Level{alarm(1)},
					Words:       []Word{{"0", "goes on", Green}, {"1", "STOPPED", Red}},
					Queries:     []Query{{Expr: `max(callfold_sink_paused{$here})`, Legend: "paused"}},
				},
				{
					Kind: Stat, Title: "Tasks, last hour", Unit: Count, More: "sink",
					Description: "Tasks created and updated in the last hour. 0 while agents are on the phone: look at the webhooks and the lag below.",
					Queries:     []Query{{Expr: `sum(increase(callfold_sink_rows_total{$here,result=~"created|updated"}[1h]))`, Legend: "Tasks"}},
				},
				{
					Kind: Stat, Title: "Calls rejected, a day", Unit: Count, Runbook: "rejected", More: "sink",
					Description: "Calls that Salesforce refused for good in the last 24 hours. Good: 0. Else: `callfold outcomes list` names field and mend; then `callfold outcomes retry`.",
					Levels:      []Level{warn(1), alarm(50)},
					Queries:     []Query{{Expr: `sum(increase(callfold_sink_refusals_total{$here}[24h]))`, Legend: "rejected"}},
				},
				{
					Kind: Stat, Title: "API requests last for", Unit: Seconds, Runbook: "api-budget",
					Description: "In how long the share of the org's API requests that is ours (all but `salesforce.api_reserve`) is used up, if use goes on as in the last hour. Good: a day or more, or not in sight. Less: see which other software uses the API; rebuilds wait by themselves.",
					Levels:      []Level{{0, Red}, {4 * 3600, Orange}, {12 * 3600, Green}},
					Words:       []Word{{"604800", "not in sight", Green}},
					Queries:     []Query{{Expr: `clamp_max(min(callfold_sink_api_exhaustion_seconds{$here}), 7 * 86400)`, Legend: "left"}},
				},
			}},
			{"What goes wrong, and what to do", []Panel{
				errorsByClass(),
			}},
			{"Events in, Tasks out", []Panel{
				{
					Kind: TimeSeries, Title: "Webhooks, by how they ended", Unit: RequestsPerSec, Stacked: true, Runbook: "webhook-silence", More: "ingest",
					Description: "Good: accepted, following the working day. Nothing in business hours: Aircall may have disabled the webhook; `callfold doctor` looks at it. unavailable: neither Kafka nor the journal took events, and Aircall sends them again.",
					Queries:     []Query{{Expr: `sum by (result) (rate(callfold_ingest_requests_total{$here}[$__rate_interval])) > 0`, Legend: "{{result}}"}},
				},
				{
					Kind: TimeSeries, Title: "Calls, by outcome", Unit: RowsPerSec, Stacked: true, Runbook: "rejected", More: "sink",
					Description: "What the sink decided. Good: created, updated, unchanged, waiting, skipped. retrying passes by itself; rejected wants somebody.",
					Queries:     []Query{{Expr: `sum by (result) (rate(callfold_sink_rows_total{$here}[$__rate_interval])) > 0`, Legend: "{{result}}"}},
				},
				{
					Kind: TimeSeries, Title: "From event to Task", Unit: Seconds, Runbook: "freshness", More: "sink",
					Description: "How old the newest event of a call was when its Task was written. The objective is 99 % within a minute. Gaps are times without calls.",
					Levels:      []Level{warn(60), alarm(300)},
					Queries: []Query{
						{Expr: quantile("0.5", "callfold_sink_event_to_task_seconds", "", "$__rate_interval"), Legend: "half"},
						{Expr: quantile("0.95", "callfold_sink_event_to_task_seconds", "", "$__rate_interval"), Legend: "95 %"},
						{Expr: quantile("0.99", "callfold_sink_event_to_task_seconds", "", "$__rate_interval"), Legend: "99 %"},
					},
				},
				{
					Kind: TimeSeries, Title: "Lag by stage", Unit: Seconds, Runbook: "lag", Width: 12,
					Description: "Age of the oldest record that a stage has read and not handled. Good: under a few seconds. processor: Kafka, a restore, or too few processes. sink: writing is stopped, or Salesforce is slow.",
					Levels:      []Level{warn(60), alarm(300)},
					Queries:     []Query{{Expr: `max by (stage) (callfold_lag_seconds{$here})`, Legend: "{{stage}}"}},
				},
				{
					Kind: TimeSeries, Title: "Bodies and records that could not be used", Unit: PerSecond, Runbook: "rejected", More: "ingest", Width: 12,
					Description: "What went to the topic rejected, by stage and reason. Good: nothing. Else: `callfold rejected list`, and `callfold rejected redrive` once it is mended.",
					Queries: []Query{
						{Expr: `sum by (reason) (rate(callfold_ingest_rejected_total{$here}[$__rate_interval])) > 0`, Legend: "ingest: {{reason}}"},
						{Expr: `sum by (stage, reason) (rate(callfold_rejected_records_total{$here}[$__rate_interval])) > 0`, Legend: "{{stage}}: {{reason}}"},
					},
				},
			}},
			{"Is the objective kept, also while no calls come?", []Panel{
				{
					Kind: TimeSeries, Title: "Share of late events", Unit: Share, Runbook: "freshness", More: "sink",
					Description: "Events that were in their Task later than a minute after they happened, of five minutes and of an hour. 1 % may be, over a month: at 14.4 % that is used up in two days, at 6 % in five. Gaps are times without calls.",
					Levels:      []Level{warn(.01), alarm(.06)},
					Queries: []Query{
						{Expr: late("5m"), Legend: "{{release}} 5 minutes"},
						{Expr: late("1h"), Legend: "{{release}} an hour"},
					},
				},
				{
					Kind: Stat, Title: "Last synthetic call", Unit: Seconds, Runbook: "canary", Empty: "no canary", Height: 8,
					Description: "For how long ago a call of `callfold canary --every` became a Task. Good: no longer than its interval and some seconds. Else something on the way from the webhook to Salesforce does not work; the panel on the right says where.",
					Levels:      []Level{warn(900), alarm(1800)},
					Queries:     []Query{{Expr: `time() - max(callfold_canary_last_written_timestamp_seconds{$here} > 0)`, Legend: "ago"}},
				},
				{
					Kind: TimeSeries, Title: "Synthetic calls, by how they ended", Unit: Count, Runbook: "canary", Empty: "no canary", Width: 6,
					Description: "Within a quarter of an hour. Good: written, or unwritten where a rule or setting wants no Task. unaccepted: the webhook endpoint. late: lag, or writing is stopped. refused: Salesforce. unseen: Kafka could not be asked.",
					Queries:     []Query{{Expr: `sum by (result) (increase(callfold_canary_calls_total{$here}[15m])) > 0`, Legend: "{{result}}"}},
				},
				{
					Kind: TimeSeries, Title: "How long synthetic calls take", Unit: Seconds, Runbook: "canary", Empty: "no canary", Width: 6,
					Description: "From the sending of a synthetic call to its Task being written; 95 % take less. Good: seconds, or up to `sink.max_linger`.",
					Levels:      []Level{warn(60)},
					Queries:     []Query{{Expr: quantile("0.95", "callfold_canary_seconds", "", "15m"), Legend: "95 %"}},
				},
			}},
			{"API budget of the org", []Panel{
				{
					Kind: BarGauge, Title: "Used of 24 hours", Unit: Share, Max: 1, Runbook: "api-budget", Width: 6,
					Description: "The whole org's API requests of the last 24 hours, of its allocation. Good: well below what `salesforce.api_reserve` leaves (0.8 by default). At that the sink stops.",
					Levels:      []Level{warn(.6), alarm(.8)},
					Queries:     []Query{{Expr: `max by (namespace, release) (callfold_salesforce_api_requests_used{$here}) / (max by (namespace, release) (callfold_salesforce_api_requests_allowed{$here}) > 0)`, Legend: "{{namespace}} {{release}}"}},
				},
				{
					Kind: TimeSeries, Title: "API requests, with forecast", Unit: Count, Runbook: "api-budget", Width: 10,
					Description: "Used by the whole org in the last 24 hours, and where that will be in four hours at the pace of the last. Good: the forecast stays below the allocation. Else: find out which software uses the API (Setup, System Overview), or buy more.",
					Queries: []Query{
						{Expr: `max by (namespace, release) (callfold_salesforce_api_requests_used{$here})`, Legend: "{{release}} used"},
						{Expr: `clamp_min(max by (namespace, release) (predict_linear(callfold_salesforce_api_requests_used{$here}[1h], 4 * 3600)), 0)`, Legend: "{{release}} in four hours"},
						{Expr: `max by (namespace, release) (callfold_salesforce_api_requests_allowed{$here})`, Legend: "{{release}} allocation"},
					},
				},
				{
					Kind: TimeSeries, Title: "Our API requests", Unit: RequestsPerSec, More: "sink",
					Description: "What callfold sends, by operation. Good: two or three requests for each turn of the sink, however many calls it has. Many queries: numbers that match nothing are looked up at each change.",
					Stacked:     true,
					Queries:     []Query{{Expr: `sum by (operation) (rate(callfold_salesforce_requests_total{$here}[$__rate_interval])) > 0`, Legend: "{{operation}}"}},
				},
			}},
			{"Is anything lost? All of these are to be 0", []Panel{
				{
					Kind: Stat, Title: "States that did not fit", Unit: Count, Runbook: "unaccounted", More: "processor", Width: 8,
					Description: "How often in the last day restored states did not fit the group's offset. Good: 0. Else: the log names partition and offsets; `callfold verify` tells whether any state is wrong.",
					Levels:      []Level{alarm(1)},
					Queries:     []Query{{Expr: `sum` + grown("callfold_input_mismatch_total{$here}", 24), Legend: "mismatches"}},
				},
				{
					Kind: Stat, Title: "Journal: damaged files", Unit: Count, Runbook: "unaccounted", More: "ingest", Width: 8,
					Description: "Files of the ingest journal that were moved aside. Good: 0. Else: events may be in them; keep the volume, and see the log.",
					Levels:      []Level{alarm(1)},
					Queries:     []Query{{Expr: `sum(callfold_ingest_journal_damaged_files{$here})`, Legend: "files"}},
				},
				{
					Kind: Stat, Title: "Journal: stuck events", Unit: Count, Runbook: "unaccounted", More: "ingest", Width: 8,
					Description: "Events in the journal that Kafka refuses for good, such as one larger than the topic allows. Good: 0. Else: the log says why.",
					Levels:      []Level{alarm(1)},
					Queries:     []Query{{Expr: `sum(callfold_ingest_journal_stuck_events{$here})`, Legend: "events"}},
				},
				{
					Kind: Stat, Title: "Processes whose output is not read", Unit: Count, Runbook: "unaccounted", More: "ingest", Width: 8,
					Description: "Processes that write to a topic while the stage that should read it reads another one. Good: 0. Else: their settings differ in a prefix, or another log is being switched to; the log names both topics.",
					Levels:      []Level{alarm(1)},
					Queries:     []Query{{Expr: `sum(callfold_output_astray{$here})`, Legend: "processes"}},
				},
				{
					Kind: Stat, Title: "Calls without webhooks, a day", Unit: Count, Runbook: "unaccounted", More: "ingest", Width: 8, Empty: "no backfill",
					Description: "Calls that `callfold backfill` found at Aircall and the log lacked. Good: 0. Else webhooks do not come: `callfold doctor` looks at Aircall's side. The calls themselves are in the log now.",
					Levels:      []Level{warn(1), alarm(20)},
					Queries:     []Query{{Expr: `sum` + grown("callfold_backfill_missing_total{$here}", 24), Legend: "calls"}},
				},
				{
					Kind: Stat, Title: "Calls found without a Task, a day", Unit: Count, Runbook: "unaccounted", More: "replays", Width: 8, Empty: "sink.reconcile is off",
					Description: "How often the sink found a call of which the settings want a Task and none was ever written. Good: 0. Else: `callfold reconcile` lists them. What is not mended counts again in each round.",
					Levels:      []Level{warn(1)},
					Queries:     []Query{{Expr: `sum(increase(callfold_sink_reconcile_found_total{$here,kind="missing"}[24h]))`, Legend: "found"}},
				},
			}},
			{"The processes, and what expires", []Panel{
				{
					Kind: TimeSeries, Title: "Processes, by stage", Unit: Count, Runbook: "stage-gone",
					Description: "Those that Prometheus reaches. Good: as many as there are pods. A stage that is not shown is gone, and no other panel can tell: `kubectl get pods`.",
					Queries: []Query{
						{Expr: `count by (stage) (callfold_hot_states{$here})`, Legend: "{{stage}}"},
						{Expr: `count(callfold_ingest_in_flight_requests{$here})`, Legend: "ingest"},
						{Expr: `count(callfold_canary_last_written_timestamp_seconds{$here})`, Legend: "canary"},
						{Expr: `count(callfold_backfill_read_until_seconds{$here})`, Legend: "backfill"},
					},
				},
				{
					Kind: TimeSeries, Title: "Restarts", Unit: Count, Runbook: "restarts",
					Description: "Starts within the last hour, by pod. Good: none but those of upgrades. Else: `kubectl describe pod` says why it ended.",
					Queries:     []Query{{Expr: `sum by (pod) (changes(process_start_time_seconds{$here}[1h]) and on (namespace, pod) ` + ours + `)`, Legend: "{{pod}}"}},
				},
				{
					Kind: TimeSeries, Title: "Memory", Unit: Bytes,
					Description: "Resident memory by pod. Good: below the limit of the container, and level over days.",
					Queries:     []Query{{Expr: `sum by (pod) (process_resident_memory_bytes{$here} and on (namespace, pod) ` + ours + `)`, Legend: "{{pod}}"}},
				},
				{
					Kind: TimeSeries, Title: "Processors in use", Unit: Count, Width: 12,
					Description: "CPU seconds a second, by pod. At the container's limit the stage lags: give it more, or more pods (no more than partitions).",
					Queries:     []Query{{Expr: `sum by (pod) (rate(process_cpu_seconds_total{$here}[$__rate_interval]) and on (namespace, pod) ` + ours + `)`, Legend: "{{pod}}"}},
				},
				{
					Kind: BarGauge, Title: "Certificates are valid for", Unit: Seconds, Runbook: "certificate", Width: 12, Max: 90 * 86400, Empty: "none in the settings",
					Description: "Until a certificate of the settings expires; see callfold_certificate_expiry_timestamp_seconds for which are looked at. Good: three weeks or more. Else: make a new one in time; files are read again.",
					Levels:      []Level{{-1e9, Red}, {2 * 86400, Orange}, {21 * 86400, Green}},
					Queries:     []Query{{Expr: `min by (namespace, release, certificate) (callfold_certificate_expiry_timestamp_seconds{$here}) - time()`, Legend: "{{release}} {{certificate}}"}},
				},
			}},
		},
	}
}
