package capacity

// Basis is what a figure rests on.
type Basis string

// The bases, from the strongest to the weakest.
const (
	Chosen     Basis = "chosen"
	Measured   Basis = "measured"
	Documented Basis = "documented"
	Estimated  Basis = "estimated"
)

// Source is a number, and where it comes from.
type Source struct {
	Value float64
	Basis Basis
	// From says where it can be looked up or how it was found, in a few words.
	From string
}

// Generated calls as Aircall would send them: callfold dev --traffic 600, ten minutes,
// 6,892 calls.
var (
	eventsPerCall  = Source{8, Measured, "generated calls: 8.0 webhooks a call, of which one in ten comes twice (docs/traffic.md)"}
	eventBytes     = Source{1270, Measured, "generated calls: 3.7 KB a webhook, packed with zstd in batches of one or two as ingest writes them"}
	callBytes      = Source{2082, Measured, "generated calls: the newest record of calls, with its trace, on average (the median is 1.2 KB)"}
	callPacked     = Source{1030, Measured, "generated calls: the same in Kafka, packed with zstd"}
	outcomeBytes   = Source{3557, Measured, "generated calls: the newest record of tasks, on average"}
	outcomePacked  = Source{1270, Measured, "generated calls: the same in Kafka, packed with zstd"}
	rowsPerCall    = Source{2.3, Measured, "make bench-sink: Tasks created or updated for each call"}
	requestsSparse = Source{3.5, Measured, "generated calls with requests to spare, so that none waits: lookups and writes of single calls"}
	requestsBusy   = Source{0.0291, Measured, "make bench-sink: 100,000 calls in ten hours, an allocation of 100,000"}
)

// What the stages do on a machine of two cores.
var (
	foldSeconds    = Source{15e-6, Measured, "make bench-processor: CPU an event"}
	foldRate       = Source{50_000, Measured, "make bench-processor, Apache Kafka, two lanes on two cores: 50,700 events a second"}
	rowSeconds     = Source{0.5e-3, Measured, "docs/salesforce.md: the sink's CPU a row"}
	restoreCalls   = Source{62_000, Measured, "docs/state.md: states a second, the slower of two machines of two cores"}
	restoreTimers  = Source{24_000, Measured, "docs/state.md: states with timers, as the sink's, a second: a million in 42 s"}
	verifyRate     = Source{43_000, Measured, "docs/testing.md: events a second that verify folds, on a busy machine of two cores"}
	storeShare     = Source{0.8, Measured, "docs/state.md: what a store takes of the bytes of its states, at the most"}
	processorBytes = Source{389e6, Measured, "docs/state.md: memory at the most, of a restore"}
	ingestBytes    = Source{320 << 20, Documented, "docs/ingest.md: the bounds of bodies being read and of records that wait"}
	journalEvents  = Source{300_000, Measured, "docs/ingest.md: events in a journal of 1 GiB"}
)

// What others say of themselves.
var (
	allocationBase    = Source{100_000, Documented, "Salesforce, API request limits: an Enterprise org's requests in 24 hours, without licences"}
	allocationLicence = Source{1_000, Documented, "Salesforce, API request limits: for each Salesforce licence"}
	collectionsRate   = Source{350, Documented, "published by Redpanda Connect of a real org: rows a second by collections"}
	bulkRate          = Source{1_066, Documented, "published by Redpanda Connect of a real org: rows a second by Bulk API 2.0"}
	backfillRate      = Source{2_400, Documented, "docs/commands.md: calls a minute at Aircall's limit, less what is left to others"}
	aircallMonths     = Source{6, Documented, "Aircall, REST API: how long it keeps calls"}
)

// What somebody has to assume or choose.
var (
	peakFactor = Source{3, Estimated, "the busiest minutes have three times the calls of the busy hours' average"}
	// dirty is how much a compacted topic holds of what compaction is to remove:
	// Kafka's default min.cleanable.dirty.ratio is 0.5.
	dirty      = Source{2, Documented, "Kafka, min.cleanable.dirty.ratio 0.5: as much again waits for compaction"}
	merging    = Source{2, Documented, "docs/state.md: twice as much while files are merged"}
	paceShare  = Source{0.025, Documented, "docs/salesforce.md: the part of the allocation that each process of the sink means to use in ten hours"}
	headroom   = Source{2, Chosen, "twice what was measured"}
	fewest     = Source{2, Chosen, "two processes of each stage at the least, so that one can fail"}
	mostCalls  = Source{5e6, Chosen, "at most 5,000,000 calls in a partition at the end, so that a process takes it over within minutes"}
	mostHeld   = Source{50e6, Chosen, "at most 50,000,000 calls for each process at the end, so that it is restored within the hour"}
	step       = Source{12, Chosen, "12 or a multiple: shared evenly by 2, 3, 4, 6 and 12 processes"}
	days       = Source{365, Chosen, "so many calls on 365 days of each year"}
	program    = Source{64 << 20, Estimated, "the program itself"}
	sinkMore   = Source{1.5, Estimated, "the sink's memory was not measured: half as much again as the processor's, since outcomes are larger than states"}
	mostEvents = Source{10_000, Estimated, "webhooks a second for each process of ingest; not measured over a network"}
)

// paceHours is the working day over which the sink spreads its share.
const paceHours = 10
