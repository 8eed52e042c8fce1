// Package upgrade tests that two versions of callfold share a cluster: side by
// side during a rolling upgrade, and one after the other when it is taken back.
//
// The present version is built as it is, the next one from the same sources with
// next.patch, and both run as processes against the embedded broker:
//
//	go test -tags upgrade ./test/upgrade
package upgrade
