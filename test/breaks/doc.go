// Command breaks proves that the tests prove something: each committed patch
// NAME.patch takes out exactly one handling of a hazard, and the tests that the
// patch names must then fail, and pass without it.
//
//	go run ./test/breaks              every patch
//	go run ./test/breaks -run guard   those whose name matches
//	go run ./test/breaks -run guard -v   and what the broken tests print
//	go run ./test/breaks -times 20       each 20 times: is one red by chance only?
//
// The checkout is not touched: the patched copies of the files are put in the
// place of the originals by the build (go build -overlay). A patch that does not
// apply, does not compile or names a test that does not exist is an error of this
// suite, and no proof.
//
// # A patch
//
//	Breaks: the restore ends at the last stable offset.
//	Package: ./internal/stream
//	Red: TestRestoreWaitsForATransactionInFlight: the guard found
//
//	--- a/internal/stream/restore.go
//	+++ b/internal/stream/restore.go
//	@@
//	 	admin := kadm.NewClient(cl)
//	-	ends, err := admin.ListEndOffsets(ctx, topic)
//	+	ends, err := admin.ListCommittedOffsets(ctx, topic)
//
// Breaks says in a sentence what is taken out. Each Red names a test of the
// package that must fail, and a part of what it then says: a test that fails for
// another reason proves nothing. "Red: TestX: hangs" is for a break that makes
// the test hang.
//
// A hunk is found by its lines, wherever they are now: line numbers are not
// looked at. Its lines must occur exactly once in the file, so a few of context
// are enough, and git diff -U1 makes them. When the code has moved on, a hunk
// says which of its lines is gone.
package main
