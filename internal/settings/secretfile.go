package settings

import (
	"os"
	"strings"
)

// readSecrets reads the files that the keys ending in _file name. A secret that
// the environment gives goes before its file. Tokens are gathered from both, so
// that a new token can be added before the old one goes.
func (s *Settings) readSecrets() {
	auth, sasl, ingest, aircall := &s.Salesforce.Auth, &s.Kafka.SASL, &s.Ingest, &s.Aircall
	for _, f := range []struct {
		key, path string
		secret    *Secret
	}{
		{"kafka.sasl.password_file", sasl.PasswordFile, &sasl.Password},
		{"salesforce.auth.private_key_file", auth.PrivateKeyFile, &auth.PrivateKey},
		{"salesforce.auth.client_secret_file", auth.ClientSecretFile, &auth.ClientSecret},
		{"aircall.api_token_file", aircall.APITokenFile, &aircall.APIToken},
	} {
		if *f.secret == "" {
			*f.secret = Secret(s.readSecret(f.key, f.path))
		}
	}
	for line := range strings.Lines(s.readSecret("ingest.tokens_file", ingest.TokensFile)) {
		if token := strings.TrimSpace(line); token != "" {
			ingest.Tokens = append(ingest.Tokens, Secret(token))
		}
	}
}

// readSecret is the content of the file without the line end that editors add,
// or empty with a problem kept for Check.
func (s *Settings) readSecret(key, path string) string {
	if path == "" {
		return ""
	}
	text, err := os.ReadFile(path)
	content := strings.TrimRight(string(text), "\r\n")
	problem := Problem{Key: key, Value: path, Where: s.source.origins[key]}
	switch {
	case err != nil:
		problem.Wrong = "the file cannot be read: " + reason(err)
		problem.Mend = "name a file that exists and that this user may read"
	case strings.TrimSpace(content) == "":
		problem.Wrong, problem.Mend = "the file is empty", "write the secret into it"
	default:
		return content
	}
	s.source.unread[key] = problem
	return ""
}
