// Package salesforce is a small client of Salesforce's REST API: sign-in,
// queries, describe, the collections requests that write up to 200 rows at a time,
// and the jobs of Bulk API 2.0 for many more.
//
// It hides no retry from its caller but one: when Salesforce answers that the
// session has ended (401, or the way to another address, which is not followed), it
// signs in again and repeats the request, which Salesforce has not looked at.
// Concurrent requests share one sign-in, also where requests of others have used up
// the new session before (then it signs in once more, ten times at most). A sign-in
// that Salesforce refused is not tried again for a minute, because repeated refusals
// lock accounts.
//
// A request ends in one of three ways. Salesforce did it: the answer, row by
// row where there are rows. Salesforce refused it: [*Error]. Nobody knows:
// [*Unanswered] — the connection broke or the deadline passed, and Salesforce
// may have done it or may yet do it. Only idempotent requests may then be
// repeated blindly.
//
// A bulk job is looked at until it has ended; a look that failed for a cause that may
// pass is followed by the next one all the same.
//
// Nothing here logs, and no error holds a token or the body of a request.
package salesforce
