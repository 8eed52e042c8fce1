package settings

import (
	"errors"
	"testing"
)

// TestAircallKey shows that no stage needs an API key, and that half of one is a
// mistake for those who would use it.
func TestAircallKey(t *testing.T) {
	for _, test := range []struct {
		name    string
		aircall Aircall
		need    Need
		want    string // the key that is wrong
	}{
		{"none", Aircall{APIURL: "https://api.aircall.io"}, ForAll, ""},
		{"whole", Aircall{APIURL: "https://api.aircall.io", APIID: "id", APIToken: "token"}, ForAll, ""},
		{"no token", Aircall{APIURL: "https://api.aircall.io", APIID: "id"}, ForAircall, "aircall.api_token_file"},
		{"no token, for a stage", Aircall{APIURL: "https://api.aircall.io", APIID: "id"}, ForIngest | ForProcessor | ForSink, ""},
		{"no id", Aircall{APIURL: "https://api.aircall.io", APIToken: "token"}, ForAircall, "aircall.api_id"},
		{"none, where one is needed", Aircall{APIURL: "https://api.aircall.io", StateDir: "/srv"}, ForAircallKey, "aircall.api_id"},
		{"whole, where one is needed", Aircall{APIURL: "https://api.aircall.io", APIID: "id", APIToken: "token", StateDir: "/srv"}, ForAircallKey, ""},
		{"no directory", Aircall{APIURL: "https://api.aircall.io", APIID: "id", APIToken: "token"}, ForAircallKey, "aircall.state_dir"},
		{"nothing left for us", Aircall{APIURL: "https://api.aircall.io", APIReserve: 1}, Offline, "aircall.api_reserve"},
		{"a colon", Aircall{APIURL: "https://api.aircall.io", APIID: "id:token"}, Offline, "aircall.api_id"},
		{"this machine", Aircall{APIURL: "http://127.0.0.1:8002"}, ForAll, ""},
		{"unencrypted", Aircall{APIURL: "http://api.aircall.io"}, Offline, "aircall.api_url"},
		{"with a path", Aircall{APIURL: "https://api.aircall.io/v1"}, Offline, "aircall.api_url"},
	} {
		s := complete(t)
		s.Aircall = test.aircall
		got := ""
		var wrong *Error
		if err := Check(s, test.need); errors.As(err, &wrong) {
			got = wrong.Problems[0].Key
		}
		if got != test.want {
			t.Errorf("%s: wrong is %q, want %q", test.name, got, test.want)
		}
	}
}
