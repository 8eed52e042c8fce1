package projector

import (
	"testing"

	"github.com/callfold/callfold/schemas"
)

// "Local" is a zone of the machine, not of a number.
func TestLoadZone(t *testing.T) {
	for name, valid := range map[string]bool{"Europe/Paris": true, "UTC": true, "": false, "Local": false, "Mars/Olympus": false, "../etc/passwd": false} {
		if got := loadZone(name).location != nil; got != valid {
			t.Errorf("%q: valid %v, want %v", name, got, valid)
		}
	}
}

// With both signed links and no page, the kind of the call says which is F11's.
func TestMediaOfBothKinds(t *testing.T) {
	c := &schemas.Call{Recording: latest("https://m/r.mp3?sig=1"), Voicemail: latest("https://m/v.mp3?sig=1")}
	if got := mediaOf(c, Voicemail); got.link != "https://m/v.mp3?sig=1" || got.unsigned() != "https://m/v.mp3" {
		t.Errorf("voicemail: %+v", got)
	}
	if got := mediaOf(c, InboundAnswered); got.link != "https://m/r.mp3?sig=1" || got.voicemail {
		t.Errorf("answered: %+v", got)
	}
}

// A record without a name is shown by the number.
func TestSubjectOfNamelessRecord(t *testing.T) {
	r := mustNew(t, DefaultSettings())
	record, _ := answeredCall(t)
	l := r.Lookup(record)
	if got := r.subject(&record.State, l, &schemas.Match{Object: Contact}); got != "Inbound call from +33 1 99 00 12 34 on Paris Sales" {
		t.Errorf("got %q", got)
	}
}
