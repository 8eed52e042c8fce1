package apache

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// properties are the server.properties of a node.
func (o *Options) properties(node int) map[string]string {
	// All replicas that there can be, up to three, and one of three may be away.
	replicas := min(o.Nodes, 3)
	inSync := max(1, replicas-1)
	p := map[string]string{
		"process.roles":                    "broker,controller",
		"node.id":                          strconv.Itoa(node),
		"log.dirs":                         filepath.Join(o.nodeDir(node), "data"),
		"controller.listener.names":        controllerListener,
		"inter.broker.listener.name":       internalListener,
		"auto.create.topics.enable":        "false",
		"default.replication.factor":       strconv.Itoa(replicas),
		"min.insync.replicas":              strconv.Itoa(inSync),
		"message.max.bytes":                strconv.Itoa(3 << 20),
		"group.initial.rebalance.delay.ms": "0",

		// Left at their default of 3 on one node, no transaction would ever begin.
		"offsets.topic.replication.factor":                 strconv.Itoa(replicas),
		"transaction.state.log.replication.factor":         strconv.Itoa(replicas),
		"transaction.state.log.min.isr":                    strconv.Itoa(inSync),
		"share.coordinator.state.topic.replication.factor": strconv.Itoa(replicas),
		"share.coordinator.state.topic.min.isr":            strconv.Itoa(inSync),

		// Few, for a quick start.
		"offsets.topic.num.partitions":         "4",
		"transaction.state.log.num.partitions": "4",
		// The default, 128 MiB, is a quarter of the heap.
		"log.cleaner.dedupe.buffer.size": strconv.Itoa(16 << 20),
	}
	o.quorum(p)
	o.listeners(p, node)
	maps.Copy(p, o.Config)
	return p
}

// quorum names the controllers, all nodes.
func (o *Options) quorum(p map[string]string) {
	var voters []string
	for node := 1; node <= o.Nodes; node++ {
		voters = append(voters, fmt.Sprintf("%d@%s", node, address(o.controllerPort(node))))
	}
	p["controller.quorum.voters"] = strings.Join(voters, ",")
}

// listeners sets where the node listens, what it tells clients, and what it
// demands of them.
func (o *Options) listeners(p map[string]string, node int) {
	clients := address(o.clientPort(node))
	told := clients
	if o.Advertise != nil {
		told = o.Advertise(node)
	}
	listen := []string{clientListener + "://" + clients, internalListener + "://" + address(o.internalPort(node))}
	advertise := []string{clientListener + "://" + told, listen[1]}
	protocols := []string{clientListener + ":PLAINTEXT", internalListener + ":PLAINTEXT", controllerListener + ":PLAINTEXT"}
	for i, l := range o.Listeners {
		at := l.Name + "://" + address(o.listenerPort(i, node))
		listen, advertise = append(listen, at), append(advertise, at)
		protocols = append(protocols, l.Name+":"+l.Protocol)
		o.demands(p, l)
	}
	listen = append(listen, controllerListener+"://"+address(o.controllerPort(node)))
	p["listeners"] = strings.Join(listen, ",")
	p["advertised.listeners"] = strings.Join(advertise, ",")
	p["listener.security.protocol.map"] = strings.Join(protocols, ",")
}

// demands sets the TLS and SASL of one listener.
func (o *Options) demands(p map[string]string, l Listener) {
	prefix := "listener.name." + strings.ToLower(l.Name) + "."
	if strings.HasSuffix(l.Protocol, "SSL") {
		p[prefix+"ssl.keystore.type"] = "PEM"
		p[prefix+"ssl.keystore.location"] = filepath.Join(o.Dir, "server.pem")
		p[prefix+"ssl.truststore.type"] = "PEM"
		p[prefix+"ssl.truststore.location"] = filepath.Join(o.Dir, "ca.pem")
		p[prefix+"ssl.client.auth"] = "none"
		if l.ClientCertificate {
			p[prefix+"ssl.client.auth"] = "required"
		}
	}
	if len(l.Mechanisms) > 0 {
		p[prefix+"sasl.enabled.mechanisms"] = strings.Join(l.Mechanisms, ",")
	}
	for _, mechanism := range l.Mechanisms {
		p[prefix+strings.ToLower(mechanism)+".sasl.jaas.config"] = o.jaas(mechanism)
	}
}

// jaas is what Java's login wants to hear: PLAIN knows its users from here, SCRAM
// from the cluster's metadata (see Options.format).
func (o *Options) jaas(mechanism string) string {
	if mechanism != "PLAIN" {
		return "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	}
	var b strings.Builder
	b.WriteString("org.apache.kafka.common.security.plain.PlainLoginModule required")
	for _, name := range slices.Sorted(maps.Keys(o.Users)) {
		fmt.Fprintf(&b, " user_%s=%q", name, o.Users[name])
	}
	return b.String() + ";"
}

// render writes properties as Java reads them: a backslash escapes.
func render(p map[string]string) []byte {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "%s=%s\n", key, strings.ReplaceAll(p[key], `\`, `\\`))
	}
	return []byte(b.String())
}
