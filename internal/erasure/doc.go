// Package erasure finds the calls that a privacy request is about, and writes the
// receipt of their erasure.
//
// It changes nothing: an erasure is a command, callfold.erase, that package command
// publishes. The processor folds it, after which nothing of the call comes back, and the
// sink scrubs or deletes its Task. docs/privacy.md tells all of it.
package erasure
