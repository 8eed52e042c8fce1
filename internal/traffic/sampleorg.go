package traffic

import (
	"bytes"
	_ "embed"
)

//go:embed sampleorg.json
var sampleOrg []byte

// SampleOrg returns the Salesforce org that fits the generated calls, in the
// format of `--org` (Salesforce records by type, Ids given): the agents' users,
// by e-mail, and the people and companies that call, with their numbers as
// people type them.
//
// It holds the cases that matching and ownership turn on: an inactive user, one
// whose e-mail is in other case, and one who is too young at any time (created
// in 2099), records owned by the first, by the integration user and by a queue;
// a number that a Contact, a Lead and an Account share, one that two Contacts
// share, a converted Lead; a Contact with an open and a closed Case and one with an
// open and a closed Opportunity. Each call gives a copy.
func SampleOrg() []byte { return bytes.Clone(sampleOrg) }
