package settings

import (
	"net"
	"os"
	"regexp"
	"strconv"
)

// topicName is what Kafka allows in names of topics, which we ask of prefixes
// and of the instance too (it becomes a transactional id and a client id).
var topicName = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)

const (
	// maxPrefix leaves room for our topics' names within Kafka's 249 characters.
	maxPrefix = 200
	// maxPartitions is far beyond use and keeps a slip of the finger from a cluster.
	maxPartitions = 10_000
	// maxReplication is what the protocol's 16 bits hold.
	maxReplication = 32_767
)

// kafka checks the section kafka.
func (c *checker) kafka() {
	k := c.settings.Kafka
	if len(k.Brokers) == 0 && c.need.kafka() {
		c.missing("kafka.brokers", "there is no broker to connect to")
	}
	for _, broker := range k.Brokers {
		host, _, _ := net.SplitHostPort(broker)
		if wrong := portProblem(broker); wrong != "" || host == "" {
			if wrong == "" {
				wrong = "has no host"
			}
			c.add("kafka.brokers", quoted(broker), wrong, "write each broker as host:port, such as kafka-0.kafka:9092")
		}
	}
	for _, p := range []struct{ key, value string }{
		{"kafka.topic_prefix", k.TopicPrefix}, {"kafka.events_prefix", k.EventsPrefix}, {"kafka.calls_prefix", k.CallsPrefix},
		{"kafka.group_prefix", k.GroupPrefix}, {"kafka.instance", k.Instance},
	} {
		if wrong, mend := PrefixProblem(p.value); wrong != "" {
			c.add(p.key, quoted(p.value), wrong, mend)
		}
	}
	c.oneOf("kafka.group_protocol", k.GroupProtocol, "classic", "consumer")
	if k.Partitions < 1 || k.Partitions > maxPartitions {
		c.add("kafka.partitions", strconv.Itoa(k.Partitions), "must be from 1 to 10000", "12 is right for most")
	}
	if k.ReplicationFactor < 1 || k.ReplicationFactor > maxReplication {
		c.add("kafka.replication_factor", strconv.Itoa(k.ReplicationFactor), "must be at least 1 and at most the number of brokers",
			"use 3, or 1 on a cluster of one broker")
	}
	c.tls()
	c.sasl()
}

// PrefixProblem says what is wrong with a prefix of topics or groups, and how to mend it.
// Both are empty if nothing is.
func PrefixProblem(prefix string) (wrong, mend string) {
	switch {
	case !topicName.MatchString(prefix):
		return "holds characters that Kafka does not allow in names", "use letters, digits, dot, underscore and hyphen only"
	case len(prefix) > maxPrefix:
		return "is longer than 200 characters", "shorten it"
	}
	return "", ""
}

// tls checks the section kafka.tls.
func (c *checker) tls() {
	t := c.settings.Kafka.TLS
	if (t.CertFile == "") != (t.KeyFile == "") {
		present, absent := "kafka.tls.cert_file", "kafka.tls.key_file"
		if t.CertFile == "" {
			present, absent = absent, present
		}
		c.add(absent, "", "is empty while "+present+" is set; a client certificate needs its key", "set both or neither")
	}
	for _, f := range []struct{ key, path string }{
		{"kafka.tls.ca_file", t.CAFile}, {"kafka.tls.cert_file", t.CertFile}, {"kafka.tls.key_file", t.KeyFile},
	} {
		if f.path == "" {
			continue
		}
		if !t.Enabled {
			c.add(f.key, f.path, "is set, but kafka.tls.enabled is false, so nothing would be encrypted", "set kafka.tls.enabled to true, or remove this key")
		} else if c.need.kafka() {
			if file, err := os.Open(f.path); err != nil {
				c.add(f.key, f.path, "the file cannot be read: "+reason(err), "name a file that exists and that this user may read")
			} else {
				_ = file.Close() // it was opened for reading only
			}
		}
	}
}

// sasl checks the section kafka.sasl.
func (c *checker) sasl() {
	s := c.settings.Kafka.SASL
	c.oneOf("kafka.sasl.mechanism", s.Mechanism, "", "plain", "scram-sha-256", "scram-sha-512")
	if s.Mechanism == "" {
		if s.Username != "" {
			c.add("kafka.sasl.username", s.Username, "is set, but kafka.sasl.mechanism is empty, so nobody would sign in",
				"set kafka.sasl.mechanism to plain, scram-sha-256 or scram-sha-512, or remove this key")
		}
		return
	}
	if !c.need.kafka() {
		return
	}
	if s.Username == "" {
		c.missing("kafka.sasl.username", "there is no user name to sign in with")
	}
	if s.Password == "" {
		c.missingSecret("kafka.sasl.password", "there is no password to sign in with")
	}
}
