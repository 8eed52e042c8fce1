package dashboards

func ingest() Dashboard {
	return Dashboard{
		Name: "ingest", Title: "callfold / Ingest",
		Description: "Do webhooks come, are they kept, and does the journal help out?",
		Rows: []Row{
			{"Do webhooks come, and are they kept?", []Panel{
				{
					Kind: Stat, Title: "Events, last hour", Unit: Count, Runbook: "webhook-silence",
					Description: "Webhooks about calls that were kept in the last hour. 0 in business hours: `callfold doctor` looks whether Aircall has the webhook active.",
					Queries:     []Query{{Expr: `sum(increase(callfold_ingest_requests_total{$here,result="accepted"}[1h]))`, Legend: "events"}},
				},
				{
					Kind: Stat, Title: "Answered with 200", Unit: Share, Empty: "no webhooks", Runbook: "webhooks-refused",
					Description: "Share of the requests of the last hour that Aircall counts as delivered. Good: 100 %. Aircall disables a webhook that fails for long: see below what it was answered instead.",
					Levels:      []Level{{0, Red}, {.95, Orange}, {.999, Green}},
					Queries:     []Query{{Expr: `sum(increase(callfold_ingest_requests_total{$here,result=~"accepted|ignored|rejected"}[1h])) / (sum(increase(callfold_ingest_requests_total{$here}[1h])) > 0)`, Legend: "share"}},
				},
				{
					Kind: Stat, Title: "Until durable", Unit: Seconds, Empty: "no webhooks",
					Description: "99 % of the last 15 minutes' events were on all in-sync replicas, or in the journal, within this time. Good: under 0.1 s. More: a broker is slow, or the journal's disk.",
					Levels:      []Level{warn(.5), alarm(2)},
					Queries:     []Query{{Expr: quantile("0.99", "callfold_ingest_durable_seconds", "", "15m") + ` >= 0`, Legend: "99 %"}},
				},
				{
					Kind: Stat, Title: "Requests under way", Unit: Count,
					Description: "Requests being handled now. Good: a few. Many: Kafka does not answer, and Aircall waits.",
					Levels:      []Level{warn(50), alarm(200)},
					Queries:     []Query{{Expr: `sum(callfold_ingest_in_flight_requests{$here})`, Legend: "requests"}},
				},
				{
					Kind: Stat, Title: "In the journal", Unit: Count, Runbook: "journal",
					Description: "Events that are on our disk and not in Kafka yet. Good: 0. Else no broker takes events; they are published when one does.",
					Levels:      []Level{warn(1)},
					Queries:     []Query{{Expr: `sum(callfold_ingest_journal_events{$here})`, Legend: "events"}},
				},
				{
					Kind: Stat, Title: "Pods that are ready", Unit: Count, Runbook: "webhooks-refused",
					Description: "Those that can store webhooks. Good: all. Others get none from Kubernetes, and their `/readyz` says why: Kafka, or the journal's disk.",
					Levels:      []Level{{0, Red}, {1, Green}},
					Queries:     []Query{{Expr: `sum(callfold_ready{$here} and on (namespace, pod) callfold_ingest_in_flight_requests{$here})`, Legend: "ready"}},
				},
			}},
			{"Requests", []Panel{
				{
					Kind: TimeSeries, Title: "Events, and a week ago", Unit: Count, Runbook: "webhook-silence",
					Description: "Accepted within half an hour, beside the same time of the last week. Good: alike. Nothing where there was something: Aircall may have disabled the webhook (it does after hours of failures); `callfold doctor` looks.",
					Queries: []Query{
						{Expr: `sum(increase(callfold_ingest_requests_total{$here,result="accepted"}[30m]))`, Legend: "now"},
						{Expr: `sum(increase(callfold_ingest_requests_total{$here,result="accepted"}[30m] offset 1w))`, Legend: "a week ago"},
					},
				},
				{
					Kind: TimeSeries, Title: "By how they ended", Unit: RequestsPerSec, Stacked: true, Runbook: "webhooks-refused",
					Description: "Good: accepted and ignored. unavailable: neither Kafka nor the journal took events; Aircall sends them again for hours. incomplete: the sender broke off.",
					Queries:     []Query{{Expr: `sum by (result) (rate(callfold_ingest_requests_total{$here}[$__rate_interval])) > 0`, Legend: "{{result}}"}},
				},
				{
					Kind: TimeSeries, Title: "Until durable", Unit: Seconds,
					Description: "From the start of a request until its record was on all in-sync replicas, or synced to the journal. Good: hundredths of a second.",
					Levels:      []Level{warn(.5), alarm(2)},
					Queries: []Query{
						{Expr: quantile("0.5", "callfold_ingest_durable_seconds", "", "$__rate_interval"), Legend: "half"},
						{Expr: quantile("0.99", "callfold_ingest_durable_seconds", "", "$__rate_interval"), Legend: "99 %"},
					},
				},
				{
					Kind: TimeSeries, Title: "Wrong tokens", Unit: RequestsPerSec, Runbook: "webhook-token", Width: 6,
					Description: "Requests whose token is not among `ingest.tokens`. Good: none, or a few of strangers. As many as the calls: Aircall's webhook was made anew; put its token into `ingest.tokens`.",
					Queries:     []Query{{Expr: `sum(rate(callfold_ingest_requests_total{$here,result="unauthorized"}[$__rate_interval]))`, Legend: "unauthorized"}},
				},
				{
					Kind: TimeSeries, Title: "By pod", Unit: RequestsPerSec, Width: 6,
					Description: "Good: about the same for each pod. One without any is not behind the Service, or not ready.",
					Queries:     []Query{{Expr: `sum by (pod) (rate(callfold_ingest_requests_total{$here}[$__rate_interval]))`, Legend: "{{pod}}"}},
				},
				{
					Kind: TimeSeries, Title: "Bodies that are no call events", Unit: RequestsPerSec, Width: 6, Runbook: "rejected",
					Description: "Webhooks kept in the topic rejected, by reason. Good: none. Else: `callfold rejected list` and `callfold rejected show`.",
					Queries:     []Query{{Expr: `sum by (reason) (rate(callfold_ingest_rejected_total{$here}[$__rate_interval])) > 0`, Legend: "{{reason}}"}},
				},
				{
					Kind: TimeSeries, Title: "Not about calls", Unit: RequestsPerSec, Width: 6,
					Description: "Webhooks that are answered and not kept, by Aircall's family. Any number is good; to save requests, switch these events off in Aircall's webhook.",
					Queries:     []Query{{Expr: `sum by (family) (rate(callfold_ingest_ignored_total{$here}[$__rate_interval])) > 0`, Legend: "{{family}}"}},
				},
			}},
			{"Journal: while no broker takes events", []Panel{
				{
					Kind: BarGauge, Title: "How full", Unit: Share, Max: 1, Runbook: "journal", Width: 6, Empty: "no journal",
					Description: "Bytes on disk, of `ingest.journal_max_bytes`. When it is full Aircall gets 503, and sends again for a while. Good: empty. Else mend Kafka; raise the bound where the volume has room.",
					Levels:      []Level{warn(.5), alarm(.8)},
					Queries:     []Query{{Expr: `max by (namespace, pod) (callfold_ingest_journal_bytes{$here} / (callfold_ingest_journal_limit_bytes{$here} > 0))`, Legend: "{{pod}}"}},
				},
				{
					Kind: TimeSeries, Title: "Events in it", Unit: Count, Runbook: "journal", Width: 9,
					Description: "By pod. Good: 0. It grows while brokers are away, and must fall when they are back.",
					Queries:     []Query{{Expr: `sum by (pod) (callfold_ingest_journal_events{$here})`, Legend: "{{pod}}"}},
				},
				{
					Kind: TimeSeries, Title: "Age of the oldest", Unit: Seconds, Runbook: "journal", Width: 9,
					Description: "By pod. Good: 0. These events are not in Salesforce yet.",
					Levels:      []Level{warn(60), alarm(600)},
					Queries:     []Query{{Expr: `max by (pod) (callfold_ingest_journal_oldest_seconds{$here})`, Legend: "{{pod}}"}},
				},
				{
					Kind: TimeSeries, Title: "In and out", Unit: RecordsPerSec, Runbook: "journal", Width: 12,
					Description: "Records synced to the journal, those of it that Kafka took, and those that the journal refused (full, slow, failed: Aircall got 503). Good: nothing at all, or published above written.",
					Queries: []Query{
						{Expr: `sum(rate(callfold_ingest_journal_written_total{$here}[$__rate_interval]))`, Legend: "written"},
						{Expr: `sum(rate(callfold_ingest_journal_published_total{$here}[$__rate_interval]))`, Legend: "published"},
						{Expr: `sum by (reason) (rate(callfold_ingest_journal_refused_total{$here}[$__rate_interval])) > 0`, Legend: "refused: {{reason}}"},
					},
				},
				{
					Kind: TimeSeries, Title: "Stuck and damaged", Unit: Count, Runbook: "unaccounted", Width: 12,
					Description: "Events that Kafka refuses for good, and files that could not be read and were moved aside. Good: 0. Else: see the log of the pod, and keep its volume.",
					Levels:      []Level{alarm(1)},
					Queries: []Query{
						{Expr: `sum by (pod) (callfold_ingest_journal_stuck_events{$here})`, Legend: "{{pod}} stuck events"},
						{Expr: `sum by (pod) (callfold_ingest_journal_damaged_files{$here})`, Legend: "{{pod}} damaged files"},
					},
				},
			}},
			{"Backfill: what webhooks did not bring", []Panel{
				{
					Kind: TimeSeries, Title: "Calls read from Aircall", Unit: RecordsPerSec, Width: 6, Empty: "no backfill",
					Description: "By what became of them. Good: unchanged above published. Where nothing is shown, `callfold backfill --every` does not run.",
					Queries:     []Query{{Expr: `sum by (result) (rate(callfold_backfill_calls_total{$here}[$__rate_interval]))`, Legend: "{{result}}"}},
				},
				{
					Kind: TimeSeries, Title: "Found missing", Unit: Count, Width: 6, Empty: "no backfill", Runbook: "unaccounted",
					Description: "Within an hour: calls that the log lacked, and calls of which it knew no end. Good: 0. Else webhooks get lost; these calls are in the log now.",
					Queries: []Query{
						{Expr: `sum` + grown("callfold_backfill_missing_total{$here}", 1), Legend: "missing"},
						{Expr: `sum(increase(callfold_backfill_closed_total{$here}[1h]))`, Legend: "without an end"},
					},
				},
				{
					Kind: TimeSeries, Title: "Read until", Unit: Seconds, Width: 6, Empty: "no backfill",
					Description: "For how long ago calls were read last. Good: below the interval of `--every`; during a round it goes back to the window's start.",
					Queries:     []Query{{Expr: `time() - max(callfold_backfill_read_until_seconds{$here} > 0)`, Legend: "ago"}},
				},
				{
					Kind: TimeSeries, Title: "Requests to Aircall's API", Unit: RequestsPerSec, Empty: "no backfill", Width: 6,
					Description: "Good: ok. limited: Aircall's limit of 60 a minute; backfill waits. refused: the API key. unanswered: the network.",
					Queries:     []Query{{Expr: `sum by (result) (rate(callfold_aircall_requests_total{$here}[$__rate_interval]))`, Legend: "{{result}}"}},
				},
			}},
		},
	}
}
