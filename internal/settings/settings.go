package settings

import (
	"time"

	"github.com/callfold/callfold/projector"
)

// Settings are all settings of callfold; docs/settings.md describes each key.
type Settings struct {
	Kafka     Kafka     `yaml:"kafka"`
	Ingest    Ingest    `yaml:"ingest"`
	Processor Processor `yaml:"processor"`
	Sink      Sink      `yaml:"sink"`
	// The rules: the sections tasks, match and owner.
	projector.Settings `yaml:",inline"`
	Salesforce         Salesforce `yaml:"salesforce"`
	Aircall            Aircall    `yaml:"aircall"`
	Admin              Admin      `yaml:"admin"`
	Log                Log        `yaml:"log"`

	// source remembers where values came from; nil in settings made by hand.
	source *source
}

// Kafka says how to reach the cluster and what topics and groups are called.
type Kafka struct {
	// Brokers are the bootstrap addresses, host:port each.
	Brokers []string `yaml:"brokers"`
	// TopicPrefix goes before every topic's name.
	TopicPrefix string `yaml:"topic_prefix"`
	// EventsPrefix and CallsPrefix are those of the topics events and calls where these
	// were made anew beside the old ones; empty = TopicPrefix.
	EventsPrefix string `yaml:"events_prefix"`
	CallsPrefix  string `yaml:"calls_prefix"`
	// GroupPrefix goes before every group's name.
	GroupPrefix string `yaml:"group_prefix"`
	// Instance is the stable name of this process; empty = the host name.
	Instance string `yaml:"instance"`
	// GroupProtocol is classic, or consumer for that of KIP-848.
	GroupProtocol string `yaml:"group_protocol"`
	// Partitions is the partition count of the three main topics, for topics create.
	Partitions int `yaml:"partitions"`
	// ReplicationFactor is that of every topic, for topics create.
	ReplicationFactor int  `yaml:"replication_factor"`
	TLS               TLS  `yaml:"tls"`
	SASL              SASL `yaml:"sasl"`
}

// TLS says how the connections to the brokers are encrypted.
type TLS struct {
	Enabled bool `yaml:"enabled"`
	// CAFile is a PEM file of the authorities to trust; empty = those of the system.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are the client's certificate and key, PEM; both or neither.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// SASL says how to sign in to the brokers.
type SASL struct {
	// Mechanism is plain, scram-sha-256 or scram-sha-512; empty = no sign-in.
	Mechanism    string `yaml:"mechanism"`
	Username     string `yaml:"username"`
	Password     Secret `yaml:"password,omitempty"`
	PasswordFile string `yaml:"password_file"`
}

// Ingest is the webhook endpoint.
type Ingest struct {
	// Listen is the address of the webhook endpoint.
	Listen string `yaml:"listen"`
	// Tokens are the webhook tokens that are accepted; Load adds those of TokensFile.
	Tokens []Secret `yaml:"tokens"`
	// TokensFile holds one token a line.
	TokensFile string `yaml:"tokens_file"`
	// JournalDir is where events wait while the broker is away; empty = nowhere.
	JournalDir string `yaml:"journal_dir"`
	// JournalMaxBytes is how much may wait there.
	JournalMaxBytes int `yaml:"journal_max_bytes"`
}

// Processor is the stage that folds events into calls.
type Processor struct {
	// StateDir is the directory of its table.
	StateDir string `yaml:"state_dir"`
	// Lanes is the number of transactions at once; 0 = one per core.
	Lanes    int      `yaml:"lanes"`
	Timeouts Timeouts `yaml:"timeouts"`
}

// Timeouts are those of a stage's consumer group and transactions. Each must be
// longer than the one before it.
type Timeouts struct {
	// Heartbeat is how often a member tells the group that it lives, and so how
	// soon it learns of a rebalance.
	Heartbeat time.Duration `yaml:"heartbeat"`
	// Rebalance is how long the others wait for a member that is in a batch.
	Rebalance time.Duration `yaml:"rebalance"`
	// Session is how long a member may be silent before it counts as dead.
	Session time.Duration `yaml:"session"`
	// Transaction is how long a transaction may stay open.
	Transaction time.Duration `yaml:"transaction"`
}

// Sink is the stage that writes to Salesforce.
type Sink struct {
	// StateDir is the directory of its table.
	StateDir string `yaml:"state_dir"`
	// DryRun decides and records, and writes nothing to Salesforce.
	DryRun bool `yaml:"dry_run"`
	// Lanes is the number of batches at once; 0 = one per core, but two at the least.
	Lanes int `yaml:"lanes"`
	// MaxLinger bounds how long calls may wait for others to share API requests
	// with; 0 = not at all.
	MaxLinger time.Duration `yaml:"max_linger"`
	// BulkAbove is how many rewrites at once go by Bulk API 2.0; 0 = never.
	BulkAbove int `yaml:"bulk_above"`
	// Reconcile is whether Tasks are looked at all the time, at a trickle, and what is
	// mended of what is wrong: off, report, fill or overwrite.
	Reconcile string   `yaml:"reconcile"`
	Timeouts  Timeouts `yaml:"timeouts"`
}

// Salesforce is the org.
type Salesforce struct {
	// LoginURL is the host that signs in; client_credentials needs the org's My Domain host.
	LoginURL string `yaml:"login_url"`
	// APIVersion is the REST API's version, such as 64.0.
	APIVersion string `yaml:"api_version"`
	Auth       Auth   `yaml:"auth"`
	// APIReserve is the share of the daily API allocation left to others, 0 to less than 1.
	APIReserve float64 `yaml:"api_reserve"`
}

// Auth is how to sign in to Salesforce.
type Auth struct {
	// Flow is jwt or client_credentials.
	Flow     string `yaml:"flow"`
	ClientID string `yaml:"client_id"`
	// Username is the integration user, for the flow jwt.
	Username string `yaml:"username"`
	// PrivateKey is an RSA key in PEM, for the flow jwt.
	PrivateKey     Secret `yaml:"private_key,omitempty"`
	PrivateKeyFile string `yaml:"private_key_file"`
	// ClientSecret is for the flow client_credentials.
	ClientSecret     Secret `yaml:"client_secret,omitempty"`
	ClientSecretFile string `yaml:"client_secret_file"`
}

// Aircall is Aircall's REST API. No stage needs it: it is for commands that look
// at the account or fetch calls from it.
type Aircall struct {
	// APIURL is where the API is.
	APIURL string `yaml:"api_url"`
	// APIID and APIToken are an API key of the account; empty = none.
	APIID        string `yaml:"api_id"`
	APIToken     Secret `yaml:"api_token,omitempty"`
	APITokenFile string `yaml:"api_token_file"`
	// APIReserve is the share of the requests a minute that is left to the company's
	// other users of the API, 0 to less than 1.
	APIReserve float64 `yaml:"api_reserve"`
	// StateDir is the directory in which backfill notes how far it has come.
	StateDir string `yaml:"state_dir"`
}

// Admin is the server of health and metrics.
type Admin struct {
	Listen string `yaml:"listen"`
}

// Log says what is logged and how.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is json or text.
	Format string `yaml:"format"`
}

// Default are the settings that hold where nobody sets anything.
func Default() Settings {
	return Settings{
		Kafka: Kafka{
			Brokers:           []string{"localhost:9092"},
			TopicPrefix:       "aircall.",
			GroupProtocol:     "classic",
			Partitions:        12,
			ReplicationFactor: 3,
		},
		Ingest:    Ingest{Listen: ":8080", JournalMaxBytes: 1 << 30},
		Processor: Processor{StateDir: "/var/lib/callfold/processor", Timeouts: quickTimeouts},
		Sink:      Sink{StateDir: "/var/lib/callfold/sink", MaxLinger: time.Minute, BulkAbove: 2000, Reconcile: "off", Timeouts: patientTimeouts},
		Settings:  projector.DefaultSettings(),
		Salesforce: Salesforce{
			LoginURL:   "https://login.salesforce.com",
			APIVersion: "64.0",
			Auth:       Auth{Flow: "jwt"},
			APIReserve: 0.2,
		},
		Aircall: Aircall{APIURL: "https://api.aircall.io", APIReserve: 0.2, StateDir: "/var/lib/callfold/backfill"},
		Admin:   Admin{Listen: ":9464"},
		Log:     Log{Level: "info", Format: "json"},
	}
}
