package settings

import (
	"bytes"
	"strings"
	"testing"
)

// A password in the URL is refused, and is neither in the message that says so
// nor in what is printed; also where the URL cannot be parsed.
func TestPasswordInTheLoginURL(t *testing.T) {
	for _, address := range []string{
		"https://user:hush@example.my.salesforce.com", "https://user:hush%zz@example.com", "https://user:hush@hush@example.com", "user:hush@example.com",
	} {
		s := Default()
		s.Salesforce.LoginURL = address
		err := Check(s, Offline)
		if err == nil || !strings.Contains(err.Error(), "salesforce.login_url") {
			t.Fatalf("got %v, want a problem of salesforce.login_url", err)
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("the message tells the password: %v", err)
		}
		var printed bytes.Buffer
		if err := s.Print(&printed); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(printed.String(), "hush") || !strings.Contains(printed.String(), mask+"@example") {
			t.Errorf("printed as\n%s", printed.String())
		}
	}
}
