package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestEveryKeyByFile sets every key in a file and finds every one of them
// changed: a key that cannot be set from the file would keep its default.
func TestEveryKeyByFile(t *testing.T) {
	got, err := Load("testdata/every-key.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	unchanged(t, got, func(k key) bool { return k.secret() })
}

// TestEveryKeyByEnvironment writes the values of every-key.yaml as variables
// and reads the same settings from them alone.
func TestEveryKeyByEnvironment(t *testing.T) {
	file, err := Load("testdata/every-key.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	var environ []string
	for _, k := range keys(&file) {
		if k.secret() {
			k.value.SetString("secret of " + k.path)
		}
		environ = append(environ, k.variable()+"="+asVariable(k.value))
	}
	got, err := Load("", environ)
	if err != nil {
		t.Fatal(err)
	}
	unchanged(t, got, func(key) bool { return false })
	wanted := keys(&file)
	for i, k := range keys(&got) {
		if !reflect.DeepEqual(k.value.Interface(), wanted[i].value.Interface()) {
			t.Errorf("%s = %v by environment, %v by file", k.path, k.value, wanted[i].value)
		}
	}
}

// unchanged fails for every key, other than those passed over, that is at its default.
func unchanged(t *testing.T, s Settings, pass func(key) bool) {
	t.Helper()
	defaults := Default()
	byDefault := keys(&defaults)
	for i, k := range keys(&s) {
		if !pass(k) && reflect.DeepEqual(k.value.Interface(), byDefault[i].value.Interface()) {
			t.Errorf("%s was not set: it is still %v", k.path, k.value)
		}
	}
}

// asVariable writes a value as a user would write it into a variable.
func asVariable(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, asVariable(v.Index(i)))
		}
		return strings.Join(items, ", ")
	case reflect.Map:
		var items []string
		for _, k := range v.MapKeys() {
			value := v.MapIndex(k)
			text := fmt.Sprintf("%q", value)
			if value.Kind() == reflect.Slice {
				text = "[" + asVariable(value) + "]"
			}
			items = append(items, fmt.Sprintf("%q: %s", k, text))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	if v.Type() == secretType {
		return v.Interface().(Secret).Reveal()
	}
	return fmt.Sprint(v)
}

// TestVariablesAreDistinct guards the rule that makes variables of keys: two
// keys must not become one variable, nor a key one of Kubernetes' own.
func TestVariablesAreDistinct(t *testing.T) {
	s := Default()
	seen := map[string]string{}
	for _, k := range keys(&s) {
		if other, twice := seen[k.variable()]; twice {
			t.Errorf("%s and %s share the variable %s", other, k.path, k.variable())
		}
		if foreignVariable.MatchString(k.variable()) {
			t.Errorf("%s would be taken for a variable of a Kubernetes service", k.variable())
		}
		seen[k.variable()] = k.path
	}
}

// TestProblems compares all problems of a settings file with the text beside it.
func TestProblems(t *testing.T) {
	for _, name := range []string{"mistakes", "wrong-values"} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadAndCheck("testdata/"+name+".yaml", nil, Offline)
			wantFile(t, "testdata/"+name+".txt", fmt.Sprintln(err))
			if strings.Contains(fmt.Sprint(err), "hunter") {
				t.Error("a secret is shown")
			}
		})
	}
}

// wantFile compares got with the file; UPDATE=1 rewrites the file, to be reviewed.
func wantFile(t *testing.T, path, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant (%s)\n%s", got, path, want)
	}
}

func TestFileProblems(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"not YAML", "kafka:\n\tbrokers: []\n", "line 2"},
		{"two documents", "log: {level: info}\n---\nlog: {level: warn}\n", "more than one YAML document"},
		{"a list", "- kafka\n", "must be a mapping of keys"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(write(t, test.text), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want a problem with %q", err, test.want)
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	if _, err := Load(missing, nil); err == nil || !strings.Contains(err.Error(), missing+": cannot be read: no such file or directory") {
		t.Errorf("a missing file: %v", err)
	}
}

// TestNothingSet covers what sets nothing and is no mistake.
func TestNothingSet(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "kafka:\n", "kafka:\n  tls:\n  instance:\n"} {
		got, err := Load(write(t, text), nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		got.source = nil
		if want := Default(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q changed the settings to %+v", text, got)
		}
	}
}

func TestAnchors(t *testing.T) {
	got, err := Load(write(t, "owner:\n  answered: &ladder [agent, fallback]\n  unanswered: *ladder\n"), nil)
	if err != nil || !reflect.DeepEqual(got.Owner.Unanswered, []string{"agent", "fallback"}) {
		t.Errorf("unanswered = %v, error %v", got.Owner.Unanswered, err)
	}
}

func TestEnvironmentGoesBeforeFile(t *testing.T) {
	path := write(t, "log: {level: warn, format: text}\nkafka: {brokers: [a:1]}\n")
	got, err := Load(path, []string{"PATH=/bin", "CALLFOLD_LOG_LEVEL=error", "CALLFOLD_KAFKA_BROKERS=b:2, c:3"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Log != (Log{Level: "error", Format: "text"}) || !reflect.DeepEqual(got.Kafka.Brokers, []string{"b:2", "c:3"}) {
		t.Errorf("log = %v, brokers = %v", got.Log, got.Kafka.Brokers)
	}
}

func TestEnvironmentProblems(t *testing.T) {
	_, err := Load("", []string{
		"CALLFOLD_KAFKA_PARTITIONS=many", "CALLFOLD_KAFKA_BROKER=a:1", "CALLFOLD_OWNER_ALIASES=[a]",
		"CALLFOLD_SINK_DRY_RUN=", "CALLFOLD_WHATEVER_IT_IS=1",
		// What Kubernetes sets beside services callfold and callfold-ingest.
		"CALLFOLD_PORT=tcp://10.0.0.1:80", "CALLFOLD_SERVICE_HOST=10.0.0.1", "CALLFOLD_SERVICE_PORT_HTTP=80",
		"CALLFOLD_INGEST_PORT_8080_TCP=tcp://10.0.0.1:8080", "CALLFOLD_INGEST_PORT_8080_TCP_ADDR=10.0.0.1",
		"CALLFOLD_INGEST_SERVICE_PORT=8080",
	})
	const want = `the settings have 5 problems:
  CALLFOLD_KAFKA_BROKER: no setting has this variable; did you mean CALLFOLD_KAFKA_BROKERS?
  CALLFOLD_KAFKA_PARTITIONS: kafka.partitions = many: must be a whole number; correct the value
  CALLFOLD_OWNER_ALIASES: owner.aliases = [a]: must be a mapping such as {a: b}; write it as JSON, such as {"a": "b"}
  CALLFOLD_SINK_DRY_RUN: sink.dry_run: must be true or false; correct the value
  CALLFOLD_WHATEVER_IT_IS: no setting has this variable; unset it; docs/settings.md lists the variables`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	password, tokens := write(t, " pass word \r\n"), write(t, "old\n\nnew\n")
	got, err := Load("", []string{
		"CALLFOLD_KAFKA_SASL_PASSWORD_FILE=" + password,
		"CALLFOLD_INGEST_TOKENS=direct", "CALLFOLD_INGEST_TOKENS_FILE=" + tokens,
		"CALLFOLD_SALESFORCE_AUTH_CLIENT_SECRET=env", "CALLFOLD_SALESFORCE_AUTH_CLIENT_SECRET_FILE=" + password,
	})
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Kafka.SASL.Password.Reveal(); s != " pass word " {
		t.Errorf("password = %q, want only the line end removed", s)
	}
	if !reflect.DeepEqual(got.Ingest.Tokens, []Secret{"direct", "old", "new"}) {
		t.Errorf("%d tokens, want those of the variable and of the file", len(got.Ingest.Tokens))
	}
	if s := got.Salesforce.Auth.ClientSecret.Reveal(); s != "env" {
		t.Errorf("client secret = %q, want that of the variable", s)
	}
}

// write makes a file with the text and gives its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "callfold.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keysOf are the keys of the problems in err.
func keysOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *Error", err)
	}
	var names []string
	for _, p := range e.Problems {
		names = append(names, p.Key)
	}
	return names
}
