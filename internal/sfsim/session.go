package sfsim

import (
	"crypto/rand"
	"sync"
	"time"
)

// organizationID is the Id of the simulated org.
const organizationID = "00DFd0000000001MAA"

// sessions are the access tokens in force.
type sessions struct {
	mu      sync.Mutex
	byToken map[string]session
}

// session is a user's right to call until it expires. Use does not prolong it,
// which is harsher than Salesforce.
type session struct {
	user    string // Id
	expires time.Time
	uses    int // that are left; below 0 any number
}

// open starts a session that is good for so many requests (0: any number) and returns its access token, shaped like Salesforce's.
func (s *sessions) open(user string, expires time.Time, uses int) string {
	token := organizationID[:15] + "!" + rand.Text() + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byToken == nil {
		s.byToken = map[string]session{}
	}
	if uses == 0 {
		uses = -1
	}
	s.byToken[token] = session{user, expires, uses}
	return token
}

// user returns whose session the token is, if it is one that lasts; another one is forgotten.
func (s *sessions) user(token string, now time.Time) (id string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, known := s.byToken[token]
	if known && (!now.Before(found.expires) || found.uses == 0) {
		delete(s.byToken, token)
		return "", false
	}
	if known {
		found.uses--
		s.byToken[token] = found
	}
	return found.user, known
}

func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byToken, token)
}

func (s *sessions) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.byToken)
}
