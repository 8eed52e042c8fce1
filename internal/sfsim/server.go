package sfsim

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options configure a [Server]. The zero value is an empty org in memory that
// the client "dev" with the secret "dev" may use.
type Options struct {
	Dir          string                // where state is kept; empty: in memory only
	ClientID     string                // of the one client application; also the consumer key (iss) of JWTs. Default "dev"
	ClientSecret string                // default "dev"
	JWTKeys      []crypto.PublicKey    // public keys that sign JWTs (RS256); none: the JWT bearer flow always fails
	DailyLimit   int                   // API requests in 24 rolling hours; default 100,000
	SessionLife  time.Duration         // an access token's life, which use does not prolong; default 2 h
	SessionUses  int                   // after so many requests a token is no good any more; default: no bound
	Now          func() time.Time      // default time.Now
	Logger       *slog.Logger          // default: none
	Registerer   prometheus.Registerer // may be nil

	// Latency is how long each data request takes; LatencyOf, when it is set, says
	// it for each request anew (a distribution) from the name of its operation;
	// requests ask for it side by side; a composite request takes it for each of its
	// collections. A request that writes holds its locks for that time. Default: none.
	Latency   time.Duration
	LatencyOf func(operation string) time.Duration

	// LockWait is how long a writing request waits for locks that another one holds
	// before the rows that need them are refused. By default it does not wait at
	// all, which is harsher than Salesforce's ten seconds: there a client that lets
	// two requests meet on one account gets away with it most of the time, here
	// it learns of it each time.
	LockWait time.Duration

	// ConcurrentLimit is how many requests that last over 20 s may be under way
	// before the org takes no more. Default 25, that of production orgs.
	ConcurrentLimit int

	// SearchLag is how long after a change a search finds a record by it; below 0 is
	// at once. Default 5 s. See searchIndex.
	SearchLag time.Duration

	// Seed is that of faults at random ([Fault.Share]). The same requests in the
	// same order then meet the same faults. Default: any; it is logged.
	Seed uint64
}

// Server is a simulated org. It is an [net/http.Handler], safe for concurrent use.
type Server struct {
	options  Options
	now      func() time.Time
	log      *slog.Logger
	requests *prometheus.CounterVec // nil without a registerer

	faults   faults
	sessions sessions
	usage    usage
	late     *lateWork
	cursors  cursors
	bulk     bulkJobs
	index    searchIndex

	mu      sync.RWMutex // guards what follows: writing requests hold it while they work, not while time passes
	schema  *schema
	tables  map[string]*table // by object name
	runAs   string            // Id of the user who runs everything: the integration user
	nextID  uint64
	loaded  bool  // an org file was loaded
	disk    *disk // nil in memory
	locks   locks
	rules   map[*object][]Rule
	ownOnly map[right]bool // users who may change only the records that they own
}

// New opens the org that is kept in the directory, or makes a new one with
// nothing in it but an integration user and the standard task statuses.
func New(o Options) (*Server, error) {
	o.ClientID = cmp.Or(o.ClientID, "dev")
	o.ClientSecret = cmp.Or(o.ClientSecret, "dev")
	o.DailyLimit = cmp.Or(o.DailyLimit, 100_000)
	o.SessionLife = cmp.Or(o.SessionLife, 2*time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		options: o, now: o.Now, log: o.Logger, schema: orgSchema(), tables: map[string]*table{},
		late: newLateWork(), locks: newLocks(), rules: map[*object][]Rule{}, ownOnly: map[right]bool{},
		usage: usage{limit: o.DailyLimit, longLimit: cmp.Or(o.ConcurrentLimit, 25)},
	}
	if s.faults.seed = o.Seed; o.Seed == 0 {
		s.faults.seed = rand.Uint64()
	}
	for _, object := range s.schema.objects {
		s.tables[object.name] = newTable(object)
	}
	if o.Registerer != nil {
		s.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_simulator_requests_total",
			Help: "Requests that the Salesforce simulator answered, by operation and HTTP status (0: connection cut).",
		}, []string{"operation", "status"})
		if err := o.Registerer.Register(s.requests); err != nil {
			return nil, fmt.Errorf("registering the simulator's metrics: %w", err)
		}
	}
	s.addTaskStatuses()
	if o.Dir != "" {
		d, err := openDisk(o.Dir, o.Logger)
		if err != nil {
			return nil, err
		}
		s.disk = d
		if err := s.restore(); err != nil {
			return nil, errors.Join(fmt.Errorf("restoring the simulator's state from %s: %w", o.Dir, err), d.close())
		}
		s.index.restored(s)
	}
	if s.runAs == "" {
		if err := s.createIntegrationUser(defaultRunAs); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// defaultRunAs is the Id of the integration user of an org that names none.
const defaultRunAs = "005Fd0000000000IAA"

// createIntegrationUser adds an active user with this Id and makes it the run-as user.
func (s *Server) createIntegrationUser(id string) error {
	s.runAs = id
	t := s.begin()
	t.load = true
	t.insertIntegrationUser(id)
	return t.commit(map[string][]byte{keyRunAs: []byte(id)})
}

// insertIntegrationUser adds an active user of whom only the Id is known.
func (t *tx) insertIntegrationUser(id string) {
	o := t.s.schema.object("User")
	t.insert(o, []assignment{
		{field: o.field("Id"), value: id},
		{field: o.field("LastName"), value: "Integration User"},
		{field: o.field("Username"), value: "integration-" + strings.ToLower(id[3:15]) + "@callfold.invalid"},
		{field: o.field("Email"), value: "integration@callfold.invalid"},
	})
}

// addTaskStatuses fills TaskStatus with the values of Task.Status, as a new org has them.
func (s *Server) addTaskStatuses() {
	o := s.schema.object("TaskStatus")
	for i, name := range s.schema.object("Task").field("Status").values {
		r := make(row, len(o.fields))
		for _, f := range o.fields {
			r[f.index] = f.fallback
		}
		r[o.id] = newID(o.prefix, uint64(i+1))
		r[o.at("MasterLabel")], r[o.at("ApiName")] = name, name
		r[o.at("SortOrder")] = float64(i + 1)
		r[o.at("IsDefault")] = i == 0
		r[o.at("IsClosed")] = name == "Completed"
		s.tables[o.name].put(r.text(o.id), r)
	}
}

// restore reads everything from the disk.
func (s *Server) restore() error {
	values := map[string][]byte{}
	for _, key := range []string{keyNextID, keyRunAs, keyLoaded, keyPersonOrgs} {
		v, err := s.disk.meta(key)
		if err != nil {
			return err
		}
		values[key] = v
	}
	s.nextID = decodeCount(values[keyNextID])
	s.runAs = string(values[keyRunAs])
	s.loaded = values[keyLoaded] != nil
	if values[keyPersonOrgs] != nil {
		s.schema.personAccounts(true)
	}
	return s.disk.each(func(name, id string, data []byte) error {
		o := s.schema.object(name)
		if o == nil {
			return fmt.Errorf("the state has records of an unknown object %q", name)
		}
		r, err := decodeRow(o, data)
		if err != nil {
			return err
		}
		s.tables[o.name].put(id, r)
		return nil
	})
}

// Empty tells whether nothing was loaded or written yet.
func (s *Server) Empty() (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.empty(), nil
}

func (s *Server) empty() bool {
	if s.loaded {
		return false
	}
	for name, t := range s.tables {
		builtIn := 0
		switch name {
		case "User":
			builtIn = 1
		case "TaskStatus":
			builtIn = len(t.rows)
		}
		if len(t.rows) > builtIn {
			return false
		}
	}
	return true
}

// Records returns a copy of all records of an object, in the order in which they
// came, deleted ones too (their IsDeleted is true). Values are nil, string,
// float64 and bool; dates and date-times are strings as in the API. It returns
// nil for an object that the org does not have.
func (s *Server) Records(name string) []map[string]any {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.schema.object(name)
	if o == nil {
		return nil
	}
	out := make([]map[string]any, 0, len(s.tables[o.name].rows))
	for _, r := range s.tables[o.name].rows {
		out = append(out, o.record(r))
	}
	return out
}

// Expire ends all sessions: their next request is answered INVALID_SESSION_ID.
func (s *Server) Expire() { s.sessions.clear() }

// Fail arranges for troubles. Faults are tried in the order in which they were added.
func (s *Server) Fail(faults ...Fault) {
	for _, f := range faults {
		s.faults.add(s.log, f)
	}
}

// Heal takes back every trouble that was arranged for and has not come yet.
func (s *Server) Heal() { s.faults.clear() }

// Close ends the server's work. With a directory, everything that was answered
// is on disk already. Requests that a fault put off and whose time has not come
// are dropped.
func (s *Server) Close() error {
	s.closeLate()
	s.bulk.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disk == nil {
		return nil
	}
	d := s.disk
	s.disk = nil
	return d.close()
}

// objectNames returns the names of all objects, for messages.
func (s *Server) objectNames() []string {
	names := make([]string, 0, len(s.schema.objects))
	for _, o := range s.schema.objects {
		names = append(names, o.name)
	}
	return names
}
