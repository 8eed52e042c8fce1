package settings

// Need says what the settings are needed for. A secret or address that is
// missing, or a secret file that cannot be read, is a problem only for a stage
// that needs it; a wrong value is a problem always.
type Need uint

// The needs can be joined with |.
const (
	// ForKafka is any command that talks to the cluster.
	ForKafka Need = 1 << iota
	// ForIngest is the webhook endpoint.
	ForIngest
	// ForProcessor is the stage that folds.
	ForProcessor
	// ForSink is the stage that writes to Salesforce.
	ForSink
	// ForAircall is any command that asks Aircall's REST API where an API key is set.
	ForAircall
	// ForAircallKey is any command that cannot do without an API key of Aircall's.
	ForAircallKey

	// Offline needs the rules only: fold, project, dev.
	Offline Need = 0
	// ForAll is every stage, and every command that one of the keys is for.
	ForAll = ForKafka | ForIngest | ForProcessor | ForSink | ForAircall
)

// has says whether n includes any of the needs in other.
func (n Need) has(other Need) bool { return n&other != 0 }

// kafka says whether n talks to the cluster: every stage does.
func (n Need) kafka() bool { return n != Offline }
