package settings

import "strconv"

// smallestJournal has room for the largest records, a few of them.
const smallestJournal = 16 << 20

// journal checks the keys of the ingest journal.
func (c *checker) journal() {
	in := c.settings.Ingest
	if in.JournalDir != "" && (in.JournalDir == c.settings.Processor.StateDir || in.JournalDir == c.settings.Sink.StateDir) {
		c.add("ingest.journal_dir", in.JournalDir, "is also the state_dir of another stage, whose tables may be thrown away; what is in the journal may not",
			"give it a directory of its own, on a volume that outlives the process")
	}
	if in.JournalMaxBytes < smallestJournal {
		c.add("ingest.journal_max_bytes", strconv.Itoa(in.JournalMaxBytes), "must be 16777216 (16 MiB) or more",
			"1073741824 (1 GiB) holds some 300,000 events; to have no journal leave ingest.journal_dir empty")
	}
}
