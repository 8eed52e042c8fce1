// Package app puts the stages together: from the settings it makes the clients,
// the stage and its place in the consumer groups and topics. The commands and
// `callfold dev` differ only in how many stages they make in one process.
package app

import (
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/stream"
)

// App is what the stages of one process share.
type App struct {
	Settings settings.Settings
	Logger   *slog.Logger
	Registry *prometheus.Registry
	Health   *observe.Health
	// TransactionalSuffix is that of the embedded broker, else empty.
	TransactionalSuffix string
	// ReconcileEvery is how often sink.reconcile looks at Tasks; 0 = as seldom as it
	// should. Tests have no time for that.
	ReconcileEvery time.Duration
}

// New makes an App for the named components, which are not ready yet.
func New(s settings.Settings, logger *slog.Logger, components ...string) *App {
	registry, health := observe.Registry(), observe.NewHealth(components...)
	registry.MustRegister(newCertificates(s), health)
	return &App{Settings: s, Logger: logger, Registry: registry, Health: health}
}

// report tells the health registry about a component; nil is ready.
func (a *App) report(component string, problem error) {
	if problem != nil {
		a.Health.NotReady(component, problem.Error())
	} else {
		a.Health.Ready(component)
	}
}

// topic and group are full names.
func (a *App) topic(name string) string { return kafka.TopicName(a.Settings.Kafka, name) }
func (a *App) group(name string) string { return kafka.GroupName(a.Settings.Kafka, name) }

// lanes is the number of group members in this process: that of the setting,
// else one per core, but no fewer than fewest and none that would find no
// partition.
func (a *App) lanes(setting, fewest int) int {
	if setting > 0 {
		return setting
	}
	return max(fewest, min(runtime.GOMAXPROCS(0), a.Settings.Kafka.Partitions))
}

// engineOptions fills in what both stream stages have in common. The topics are
// those to check before the stage begins.
func engineOptions[V any](a *App, name string, topics []string, o stream.Options[V]) (stream.Options[V], error) {
	logger := a.Logger.With("stage", name)
	client, err := kafka.Options(a.Settings.Kafka, "callfold-"+name, logger, nil)
	if err != nil {
		return o, err
	}
	instance, err := kafka.Instance(a.Settings.Kafka)
	if err != nil {
		return o, err
	}
	o.Name = name
	o.Client = func() []kgo.Opt { return slices.Concat(client, kafka.ProducerOptions()) }
	o.Instance = instance
	o.TransactionalSuffix = a.TransactionalSuffix
	o.Rejected = a.topic(kafka.Rejected)
	o.GroupProtocol = a.Settings.Kafka.GroupProtocol
	o.CheckTopics = a.newTopicCheck(logger, true, append(topics, kafka.Rejected)...).check
	o.Health = a.report
	o.Logger = logger
	o.Registerer = a.Registry
	return o, nil
}
