package settings

import (
	"strings"
	"testing"
)

// A password in the URL is refused, and is not in the message that says so.
func TestPasswordInTheLoginURL(t *testing.T) {
	s := Default()
	s.Salesforce.LoginURL = "https://user:hush@example.my.salesforce.com"
	err := Check(s, Offline)
	if err == nil || !strings.Contains(err.Error(), "salesforce.login_url") {
		t.Fatalf("got %v, want a problem of salesforce.login_url", err)
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("the message tells the password: %v", err)
	}
}
