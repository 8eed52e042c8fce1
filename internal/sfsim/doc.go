// Package sfsim is a Salesforce org for machines that have none: an HTTP server
// that speaks Salesforce's REST API closely enough that stock clients work on it,
// with the objects that call logging touches (objects.txt).
//
// It is meant to be harsher than the real thing, never kinder: what Salesforce
// refuses it refuses, in Salesforce's own words and shapes, and where the
// documentation leaves two answers open it gives the stricter one.
//
// Promises:
//
//   - What was answered is durable. With a directory, each request is one synced
//     batch, committed before its answer is written; kill -9 loses nothing that was
//     answered and never leaves half a request behind. Sessions, query cursors,
//     bulk jobs and the count of API requests live in memory and end with the process.
//   - Requests that read see only finished requests. Those that write do their work
//     one after another, under one lock. When they take time ([Options.Latency],
//     [Fault.HoldLocks]) their work shows at the end of it, whole, and until then
//     they overlap: who needs what another one has locked gets UNABLE_TO_LOCK_ROW,
//     and who creates a key that another one is creating gets DUPLICATE_VALUE.
//     Without latency no two requests are ever under way at once.
//   - Records never disappear: a deleted one is in the recycle bin, where queryAll sees it.
//
// docs/simulator.md says what is simulated and what is not.
package sfsim
