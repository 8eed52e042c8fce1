// Package bodies reads webhook bodies and REST call objects from files, and
// folds them into call states, without Kafka.
//
// A file is any sequence of JSON values: one a line, pretty-printed over many
// lines, or in arrays. A damaged value costs itself and nothing else that can
// be told apart: reading goes on at the next line that begins with { or [ in
// its first column. Files are read as a stream; no more than one value and a
// buffer are in memory.
package bodies
