// Package aircallsim is the part of Aircall's REST API that callfold uses, over
// calls that package traffic makes: GET /v1/calls, /v1/calls/:id, /v1/users,
// /v1/webhooks and /v1/ping, with Basic auth.
//
// It is harsher than Aircall where that is unknown: a list ends after 10,000 calls
// and its total says no more than that; links to the next page forget what else was asked for;
// requests are counted over any 60 seconds, those that were refused too; users
// who were deleted are gone from all calls.
package aircallsim
