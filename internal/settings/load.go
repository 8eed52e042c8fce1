package settings

// Load gives the effective settings: the defaults, then the file at path (none
// when path is empty), then environ (as from os.Environ), then the secret files.
//
// An error of type *Error holds all problems; the settings are then complete but
// for the keys with problems, which keep their defaults. A secret file that
// cannot be read is not Load's error but Check's, since it matters only to the
// stage that needs the secret.
func Load(path string, environ []string) (Settings, error) {
	s := Default()
	s.source = &source{origins: map[string]string{}, unread: map[string]Problem{}}
	var problems []Problem
	if path != "" {
		problems = append(problems, s.readFile(path)...)
	}
	problems = append(problems, s.readEnvironment(environ)...)
	s.readSecrets()
	s.readTrusted(environ)
	return s, asError(problems)
}

// LoadAndCheck is Load and Check with the problems of both in one error.
func LoadAndCheck(path string, environ []string, need Need) (Settings, error) {
	s, err := Load(path, environ)
	found, ok := problemsOf(err)
	if !ok {
		return s, err
	}
	checked, ok := problemsOf(Check(s, need))
	if !ok {
		return s, err
	}
	return s, asError(append(found, checked...))
}
