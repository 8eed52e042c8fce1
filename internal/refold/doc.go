// Package refold folds a partition of the topic events once more, and tells how the
// states differ from those that a topic calls holds.
//
// What is folded ([States]) and what is held ([Held]) lies in tables, the calls that were
// met last decoded in memory, so the memory does not depend on the number of calls. Of
// what is held only digests are kept. Both are gone through side by side, in the order of
// the keys ([Compare]).
package refold
