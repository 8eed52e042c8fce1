package aircallsim

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limit counts requests: so many in any minute.
type limit struct {
	perMinute int

	mu   sync.Mutex
	sent []time.Time // in the last minute, the oldest first
}

// take counts a request and says in the answer's headers how many are left. It
// reports whether the request may pass.
func (l *limit) take(w http.ResponseWriter, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.sent) > 0 && now.Sub(l.sent[0]) >= time.Minute {
		l.sent = l.sent[1:]
	}
	may := len(l.sent) < l.perMinute
	l.sent = append(l.sent, now)
	// As many of the oldest must go as are too many for one more.
	free := l.sent[max(0, len(l.sent)-l.perMinute)].Add(time.Minute)
	h := w.Header()
	h.Set("X-AircallApi-Limit", strconv.Itoa(l.perMinute))
	h.Set("X-AircallApi-Remaining", strconv.Itoa(max(0, l.perMinute-len(l.sent))))
	h.Set("X-AircallApi-Reset", strconv.FormatInt(free.Add(time.Second-1).Unix(), 10))
	if !may {
		h.Set("Retry-After", strconv.FormatInt(int64((free.Sub(now)+time.Second-1)/time.Second), 10))
	}
	return may
}
