package kafkatest

import "github.com/callfold/callfold/internal/settings"

// Security is what a broker demands of its clients.
type Security struct {
	Name string
	// TLS says that the connections are encrypted, Mutual that the client has to
	// show a certificate.
	TLS, Mutual bool
	// Mechanism is plain, scram-sha-256, scram-sha-512 or empty for no sign-in.
	Mechanism string
}

// User and Password are who signs in where there is a mechanism.
const (
	User     = "callfold"
	Password = "correct horse, battery staple"
)

// Securities are all that a broker may demand.
func Securities() []Security {
	return []Security{
		{Name: "plaintext"},
		{Name: "TLS", TLS: true},
		{Name: "mutual TLS", TLS: true, Mutual: true},
		{Name: "SASL PLAIN", Mechanism: "plain"},
		{Name: "SASL PLAIN over TLS", Mechanism: "plain", TLS: true},
		{Name: "SCRAM-SHA-256", Mechanism: "scram-sha-256"},
		{Name: "SCRAM-SHA-256 over TLS", Mechanism: "scram-sha-256", TLS: true},
		{Name: "SCRAM-SHA-512", Mechanism: "scram-sha-512"},
		{Name: "SCRAM-SHA-512 over TLS", Mechanism: "scram-sha-512", TLS: true},
		{Name: "SCRAM-SHA-512 over mutual TLS", Mechanism: "scram-sha-512", TLS: true, Mutual: true},
	}
}

// Settings are the settings of a client that does what the broker demands.
func (s Security) Settings(f Files, brokers ...string) settings.Kafka {
	k := settings.Default().Kafka
	k.Brokers = brokers
	if s.TLS {
		k.TLS = settings.TLS{Enabled: true, CAFile: f.CA}
	}
	if s.Mutual {
		k.TLS.CertFile, k.TLS.KeyFile = f.ClientCert, f.ClientKey
	}
	if s.Mechanism != "" {
		k.SASL = settings.SASL{Mechanism: s.Mechanism, Username: User, Password: Password}
	}
	return k
}

// Mistake is what a user may get wrong about a broker's demands.
type Mistake struct {
	Name   string
	Broker Security
	// Make turns the right settings into wrong ones.
	Make func(*settings.Kafka, Files)
	// Want is what the error must say: the setting to mend.
	Want string
}

// Mistakes are the common ones, each with the part of the message that names
// the mend.
func Mistakes() []Mistake {
	over := func(mechanism string) Security { return Security{TLS: true, Mechanism: mechanism} }
	wrongPassword := func(k *settings.Kafka, _ Files) { k.SASL.Password = "wrong" }
	return []Mistake{
		{"wrong password, PLAIN", over("plain"), wrongPassword, "kafka.sasl.username and kafka.sasl.password_file"},
		{"wrong password, SCRAM-SHA-256", over("scram-sha-256"), wrongPassword, "kafka.sasl.username and kafka.sasl.password_file"},
		{"wrong password, SCRAM-SHA-512", over("scram-sha-512"), wrongPassword, "kafka.sasl.username and kafka.sasl.password_file"},
		{"unknown user", over("scram-sha-512"), func(k *settings.Kafka, _ Files) { k.SASL.Username = "nobody" }, "kafka.sasl.username and kafka.sasl.password_file"},
		{"another mechanism", over("scram-sha-512"), func(k *settings.Kafka, _ Files) { k.SASL.Mechanism = "plain" }, "kafka.sasl"},
		{"no sign-in", over("plain"), func(k *settings.Kafka, _ Files) { k.SASL = settings.SASL{} }, "kafka.sasl"},
		{"an authority that is not trusted", Security{TLS: true}, func(k *settings.Kafka, f Files) { k.TLS.CAFile = f.OtherCA }, "kafka.tls.ca_file"},
		{"no client certificate", Security{TLS: true, Mutual: true}, func(k *settings.Kafka, _ Files) { k.TLS.CertFile, k.TLS.KeyFile = "", "" }, "kafka.tls.cert_file"},
		{"a stranger's certificate", Security{TLS: true, Mutual: true}, func(k *settings.Kafka, f Files) { k.TLS.CertFile, k.TLS.KeyFile = f.StrangerCert, f.StrangerKey }, "kafka.tls.cert_file"},
		{"plaintext to a TLS port", Security{TLS: true}, func(k *settings.Kafka, _ Files) { k.TLS = settings.TLS{} }, "kafka.tls.enabled"},
		{"TLS to a plaintext port", Security{}, func(k *settings.Kafka, f Files) { k.TLS = settings.TLS{Enabled: true, CAFile: f.CA} }, "kafka.tls.enabled"},
	}
}
