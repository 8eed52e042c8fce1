package replay

// The topics of the tests.
const (
	events, calls, tasks = "events", "calls", "tasks"
	partitions           = 3
)
