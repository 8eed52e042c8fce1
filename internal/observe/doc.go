// Package observe is how operators see a running stage: its logger, its
// metrics registry, its health and the server that shows the last two.
//
// Nothing personal leaves through here: log a phone number only through Digits,
// and never a token, a note's text or a recording link.
package observe
