// Package journal keeps events on disk while no Kafka broker takes them. It is
// a write-ahead log and nothing more: records are appended and synced, read
// back, and removed once somebody else has them. When to write, when to publish
// and how fast is the business of package ingest (see its comment); what is
// safe on the disk, and what becomes of it there, is said here.
//
// # What it promises
//
//   - When Append returns nil, the record has been synced to the disk. It
//     survives a kill -9 of the process and the loss of power, and stays until
//     [Journal.Remove], or [Journal.Replace] by a segment that holds it too.
//   - Nothing is ever deleted that was not removed by the caller. A file with
//     something in it that cannot be read gives what can be read, and is then
//     moved to the folder "damaged" instead of being deleted.
//   - It never ends the process and never blocks for longer than the caller's
//     context: a full disk, an I/O error or a read-only file system makes Append
//     return an error, and it goes on by itself once that is mended.
//   - Everything together takes no more than Options.MaxBytes on disk (a file's
//     last block and the directory aside). Beyond that Append returns ErrFull.
//
// A record may be in the journal although Append returned an error (the sync
// failed, or came too late). It is published like any other; whoever sent it
// will send it again, and the fold takes duplicates.
//
// # On disk
//
//	DIR/journal/LOCK               held by the process that has the journal open
//	DIR/journal/000000000007.wal   a segment: records in the order of Append
//	DIR/journal/damaged/…          segments in which something could not be read
//
// The form of a segment is Pebble's own write-ahead log (package record of
// Pebble: blocks of 32 KiB, a checksum on every chunk), written by its
// LogWriter, which syncs whatever came together with one fsync (group commit). A
// payload is the topic's short name, a zero byte, and a Kafka record as it is on
// the wire (record format 2), whose timestamp delta is its whole timestamp.
// Neither form is ours.
//
// Pebble as a database was the other candidate. Its log is the same, but an
// error of the log or the manifest ends the process, what is deleted stays in
// its files until a compaction, and its size cannot be told in advance. Here a
// segment that was published is unlinked: there is nothing to compact, and no
// body lingers. See docs/decisions/0014.
//
// One segment is active at most, and takes records until it has 4 MiB. When it
// is sealed (it is big enough, or [Journal.Sealed] finds nothing else to read) it
// is closed and never written again. After an error of the disk the segment is
// sealed, read back to see what is in it, and the next Append begins a new one,
// once a second at most. At start every segment found is sealed.
//
// # Torn or damaged
//
// A process that dies, or a disk that fills up, in the middle of a write leaves
// a segment whose last record is cut off. That record was not acknowledged; it
// is dropped without a word. So is a tail of nothing but zeros, which a loss of
// power leaves. Everything else that does not pass its checksum was acknowledged
// for all we know: the records before and behind it are published, as far as they
// can be found, an error is logged, and the file ends up in "damaged", with its size in the
// metric callfold_ingest_journal_damaged_files, for somebody to look at. To
// refuse to start would be no better for those events, and worse for all others. A
// segment that lost its end at exactly the border of a record cannot be told
// from one that was never longer.
//
// # Whose data
//
// The bodies are personal data, without the webhook's token. The folder is
// readable by its owner alone. A journal belongs to one process: a second one is
// refused with [ErrInUse].
package journal
