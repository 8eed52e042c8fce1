package dashboards

// A stage's dashboard begins with what the engine says of it: how far behind it is, and
// whether it is held up by a restore or by Kafka.

// behind asks whether the stage keeps up. handles says what handling a batch is.
func behind(stage, handles string) []Panel {
	of := `$here,stage="` + stage + `"`
	return []Panel{
		{
			Kind: TimeSeries, Title: "Lag in seconds", Unit: Seconds, Runbook: "lag",
			Description: "Age of the oldest record that was read and not handled, of the partitions that lag most. Good: under a few seconds. One partition alone: its process, or one record, holds it up. All: see the rows below.",
			Levels:      []Level{warn(60), alarm(300)},
			Queries:     []Query{{Expr: `topk(5, max by (namespace, release, partition) (callfold_lag_seconds{` + of + `}))`, Legend: "{{release}} partition {{partition}}"}},
		},
		{
			Kind: TimeSeries, Title: "Lag in records", Unit: Count, Runbook: "lag",
			Description: "Records between what is handled and committed and the end of the log, of all partitions. Good: falls to 0 again and again. Where it grows all day, the stage needs more processes, up to one for each partition.",
			Queries: []Query{
				{Expr: `sum by (namespace, release) (max by (namespace, release, partition) (callfold_lag_records{` + of + `}))`, Legend: "{{release}}"},
			},
		},
		{
			Kind: TimeSeries, Title: "Behind an open transaction", Unit: Count, Runbook: "lag",
			Description: "Records behind a transaction of the producer that is still open, at the most of a partition. Good: 0, with short peaks. One that stays: a transaction hangs; restarting the stage that wrote it (before this one) ends it.",
			Queries:     []Query{{Expr: `max by (namespace, release) (callfold_lso_lag_records{` + of + `})`, Legend: "{{release}}"}},
		},
		{
			Kind: TimeSeries, Title: "Records in, states out", Unit: RecordsPerSec,
			Description: "Input records whose effects were committed, and states written. Good: in follows the calls. 0 with a lag: nothing is committed; see the transactions.",
			Queries: []Query{
				{Expr: `sum(rate(callfold_records_in_total{` + of + `}[$__rate_interval]))`, Legend: "in"},
				{Expr: `sum(rate(callfold_states_written_total{` + of + `}[$__rate_interval]))`, Legend: "out"},
			},
		},
		{
			Kind: TimeSeries, Title: "Time for a batch", Unit: Seconds,
			Description: "To handle a batch: " + handles,
			Queries: []Query{
				{Expr: quantile("0.5", "callfold_batch_seconds", `,stage="`+stage+`"`, "$__rate_interval"), Legend: "half"},
				{Expr: quantile("0.99", "callfold_batch_seconds", `,stage="`+stage+`"`, "$__rate_interval"), Legend: "99 %"},
			},
		},
		{
			Kind: TimeSeries, Title: "Records by pod", Unit: RecordsPerSec,
			Description: "Good: about the same for each pod. One without any owns no partitions: it restores, waits in the group, or there are more lanes than partitions.",
			Queries:     []Query{{Expr: `sum by (pod) (rate(callfold_records_in_total{` + of + `}[$__rate_interval]))`, Legend: "{{pod}}"}},
		},
	}
}

// transactions asks whether the stage gets its work into Kafka.
func transactions(stage string) []Panel {
	of := `$here,stage="` + stage + `"`
	return []Panel{
		{
			Kind: TimeSeries, Title: "Transactions by result", Unit: PerSecond,
			Description: "Good: committed. aborted now and then belongs to rebalances. unknown: Kafka did not say; the session is opened anew and tables are restored. Many of either: look at the brokers.",
			Queries:     []Query{{Expr: `sum by (result) (rate(callfold_transactions_total{` + of + `}[$__rate_interval]))`, Legend: "{{result}}"}},
		},
		{
			Kind: TimeSeries, Title: "Time for a transaction", Unit: Seconds,
			Description: "To write and end a transaction. Good: hundredths of a second. More: brokers are slow, or a replica is not in sync.",
			Queries: []Query{
				{Expr: quantile("0.5", "callfold_transaction_seconds", `,stage="`+stage+`"`, "$__rate_interval"), Legend: "half"},
				{Expr: quantile("0.99", "callfold_transaction_seconds", `,stage="`+stage+`"`, "$__rate_interval"), Legend: "99 %"},
			},
		},
		{
			Kind: TimeSeries, Title: "Records that could not be used", Unit: RecordsPerSec, Runbook: "rejected", Empty: "none",
			Description: "Sent to the topic rejected, by reason. Good: none. Else: `callfold rejected list` and `callfold rejected show`; `callfold rejected redrive` once it is mended.",
			Queries:     []Query{{Expr: `sum by (reason) (rate(callfold_rejected_records_total{` + of + `}[$__rate_interval])) > 0`, Legend: "{{reason}}"}},
		},
	}
}

// tables asks whether the tables on disk are there, and the processes ready by that.
func tables(stage string) []Panel {
	of := `$here,stage="` + stage + `"`
	return []Panel{
		{
			Kind: TimeSeries, Title: "Still to be restored", Unit: Count, Runbook: "restore",
			Description: "Records of the changelog that a restore has yet to read, of all partitions. Good: 0, and falling steadily after a start without its volume. A partition is not handled before.",
			Queries:     []Query{{Expr: `sum by (pod) (callfold_restore_remaining_records{` + of + `})`, Legend: "{{pod}}"}},
		},
		{
			Kind: TimeSeries, Title: "Waiting for a table", Unit: Seconds, Runbook: "restore",
			Description: "For how long the partitions that wait longest do so, also while a restore fails or waits for room. Good: 0, and minutes after a start without its volume. Else: the log says what holds it up (a full disk, brokers).",
			Levels:      []Level{warn(300), alarm(1800)},
			Queries:     []Query{{Expr: `topk(5, max by (namespace, release, partition) (callfold_restore_seconds{` + of + `}))`, Legend: "{{release}} partition {{partition}}"}},
		},
		{
			Kind: TimeSeries, Title: "Restored", Unit: RecordsPerSec, Runbook: "restore",
			Description: "Records read to restore tables. 0 with something still to be restored: the brokers do not answer, or the disk is full.",
			Queries:     []Query{{Expr: `sum by (pod) (rate(callfold_restored_records_total{` + of + `}[$__rate_interval]))`, Legend: "{{pod}}"}},
		},
		{
			Kind: TimeSeries, Title: "Pods that are ready", Unit: Count, Runbook: "lag",
			Description: "Those that have joined their group and restored their tables, and reach Kafka and what they write to. Good: all. The `/readyz` of the others says why.",
			Queries:     []Query{{Expr: `sum by (namespace, release) (callfold_ready{$here} and on (namespace, pod) callfold_hot_states{` + of + `})`, Legend: "{{release}}"}},
		},
		{
			Kind: TimeSeries, Title: "States found in memory", Unit: Share,
			Description: "Share of the states that were not read from disk. Good: most, while calls are live; few during a rebuild or a verify. It costs speed only.",
			Queries:     []Query{{Expr: `sum(rate(callfold_hot_state_hits_total{` + of + `}[$__rate_interval])) / (sum(rate(callfold_hot_state_hits_total{` + of + `}[$__rate_interval])) + sum(rate(callfold_hot_state_misses_total{` + of + `}[$__rate_interval])) > 0)`, Legend: "share"}},
		},
		{
			Kind: TimeSeries, Title: "States that did not fit", Unit: Count, Runbook: "unaccounted",
			Description: "Within an hour: restored states that did not fit the group's offset. Good: 0. Else: the log names partition and offsets; moving a group's offset by hand counts too. `callfold verify` tells whether any state is wrong.",
			Levels:      []Level{alarm(1)},
			Queries:     []Query{{Expr: `sum by (namespace, release) ` + grown(`callfold_input_mismatch_total{`+of+`}`, 1), Legend: "{{release}}"}},
		},
	}
}
