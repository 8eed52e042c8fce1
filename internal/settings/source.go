package settings

import "strings"

// source is what Load knows beyond the values, so that Check can say where a
// wrong value stands and which secret file could not be read.
type source struct {
	// origins says per key where its value was set: "callfold.yaml:12" or
	// "CALLFOLD_KAFKA_BROKERS". A key at its default is absent.
	origins map[string]string
	// unread are the problems of secret files, by the key that names the file, and
	// of the directories of trustedDirs.
	unread map[string]Problem
}

// origin is where the key's value was set; of an entry in a mapping, such as
// tasks.fields.recording, where the mapping was. Empty for a default.
func (s *source) origin(key string) string {
	if s == nil {
		return ""
	}
	for {
		if where, ok := s.origins[key]; ok {
			return where
		}
		dot := strings.LastIndexByte(key, '.')
		if dot < 0 {
			return ""
		}
		key = key[:dot]
	}
}

// unreadable is the problem of the secret file that the key names, if it has one.
func (s *source) unreadable(key string) (Problem, bool) {
	if s == nil {
		return Problem{}, false
	}
	p, ok := s.unread[key]
	return p, ok
}
