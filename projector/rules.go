package projector

import "strings"

// Rules are settings made ready for use. They are safe for concurrent use and
// never change; what they remember (parsed numbers, zones) saves time only.
type Rules struct {
	settings Settings
	pack     pack
	subjects map[string]subject // by template name
	fields   []field
	logged   map[int64]bool    // L7; nil = every number
	aliases  map[string]string // O1: lower-case e-mail → user name

	countries map[string]string // region → name, in the pack's language
	numbers   *memo[rawNumber, phoneNumber]
	patterns  *memo[rawNumber, []string]
	zones     *memo[string, zone]
}

// New makes the settings ready. Its error joins every problem that there is,
// each a *[Problem].
func New(s Settings) (*Rules, error) {
	if err := asError(Problems(s)); err != nil {
		return nil, err
	}
	p := packs[s.Tasks.Subjects]
	r := &Rules{
		settings:  s,
		pack:      p,
		aliases:   lowerKeys(s.Owner.Aliases),
		subjects:  make(map[string]subject),
		fields:    mapped(s.Tasks),
		countries: countryNames(p.language),
		numbers:   newMemo[rawNumber, phoneNumber](4096),
		patterns:  newMemo[rawNumber, []string](4096),
		zones:     newMemo[string, zone](1024),
	}
	for name, text := range p.subjects {
		from := "the pack " + s.Tasks.Subjects
		if own, ok := s.Tasks.SubjectTemplates[name]; ok {
			text, from = own, "tasks.subject_templates"
		}
		t, _ := parseTemplate(text) // checked by Problems
		r.subjects[name] = subject{t, "The template " + name + " of " + from + "."}
	}
	if len(s.Tasks.Numbers) > 0 {
		r.logged = make(map[int64]bool)
		for _, id := range s.Tasks.Numbers {
			r.logged[id] = true
		}
	}
	return r, nil
}

// lowerKeys is m with its keys in lower case.
func lowerKeys(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[strings.ToLower(k)] = v
	}
	return out
}
