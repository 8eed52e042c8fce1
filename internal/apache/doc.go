// Package apache runs real Apache Kafka on this machine: for tests, chaos runs
// and benchmarks, and for `make kafka`. It needs Java 17 or later and Maven, no
// containers. Users run Kafka from their own cluster; nothing here is part of
// the product.
//
//	cluster, err := apache.Start(ctx, apache.Options{Dir: t.TempDir(), Nodes: 3})
//	…
//	defer cluster.Close()
//
// The jars come from Maven Central, see pom.xml, the one place that says which
// version ([Install]). Each node is broker and controller at once and keeps
// everything below the directory node-N of [Options.Dir]: its settings
// (server.properties), its log (kafka.log) and its data. A directory that holds
// a cluster already is started again with what is in it.
//
// A node has three listeners, all on 127.0.0.1: that of the clients, one among
// the nodes, and the controllers'. So a proxy can stand before the clients' one
// ([Options.Advertise]) without the nodes noticing. More of them, with TLS and
// SASL, are [Options.Listeners].
//
// On Linux the nodes die with the process that started them, however it ends,
// unless they are detached; elsewhere only when [Cluster.Close] is called.
package apache
