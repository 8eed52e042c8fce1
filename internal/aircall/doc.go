// Package aircall is a client of Aircall's REST API, as far as callfold reads it.
//
// Requests are paced: Aircall allows a number of requests a minute to the whole
// company, and a share of it is left to others. The client takes 60 a minute for the
// limit until Aircall's headers name another, and waits when told to wait. What may pass
// by itself, an answer of 5xx or none at all, is tried again a few times with growing pauses.
//
// Redirects and links to further pages are not followed: the API token would go
// wherever they lead. Errors hold neither token nor anything of calls.
package aircall
