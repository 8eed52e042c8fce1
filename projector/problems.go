package projector

import "errors"

// Problem is one thing that is wrong in the settings.
type Problem struct {
	// Key is the dotted path in the settings file, such as tasks.log_at.missed.
	Key string
	// Value is the value as the user wrote it; empty when there is none.
	Value string
	// Wrong says what is wrong, Mend how to mend it.
	Wrong, Mend string
}

// Error is the problem in one line.
func (p *Problem) Error() string {
	s := p.Key
	if p.Value != "" {
		s += " = " + p.Value
	}
	return s + ": " + p.Wrong + "; " + p.Mend
}

// asError joins problems into one error; each is a *Problem to [errors.As].
func asError(problems []Problem) error {
	errs := make([]error, len(problems))
	for i := range problems {
		errs[i] = &problems[i]
	}
	return errors.Join(errs...)
}
