//go:build unix

// Command bench measures the processor: how many events a second it folds,
// exactly once, beside the limit: the same engine with a handler that neither
// parses nor folds nor encodes, but puts the same bytes.
//
//	go run ./processor/bench [-events N] [-rounds N] [-lanes 1,2] [-batch N]
//	                         [-brokers HOST:PORT,…] [-cpuprofile FILE]
//
// Both loops read the same topic of generated events (package traffic: whole
// lives of calls, interleaved, with duplicates and late ones), through the same
// engine with the same options: a batch is fetched and decompressed, handled,
// written to the changelog and committed with its offsets in one transaction,
// and applied to the tables on disk. Batches are cut in the same places but for
// chance, so both write the same number of records with the same bytes, which
// the last two columns show. What the limit leaves out is parsing, reading a
// state, decoding, folding and encoding.
//
// The two take turns, round after round, so that whatever else the machine does
// disturbs both alike; the figures are medians, and the ratio is the median of
// the rounds' ratios. The clock runs from when all lanes work until nine tenths
// of the events are committed: the start of a consumer group and the wait for
// its slowest lane are no part of the throughput.
//
// The embedded broker runs in a process of its own, as a broker does, on the
// same cores. The columns of CPU time tell the two processes apart.
package main
