// Package oracle folds events the slow, obvious way: collect all events of a
// call, drop the duplicates, sort by key, apply one after another with plain
// assignments. It shares the types and the reading of a single event with
// package schemas, and nothing of the fold. Tests compare the two.
package oracle
