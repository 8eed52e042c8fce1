package app

import (
	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/sfsink"
)

// Preview makes a sink that only says what it would write, and the client of its org.
// It sends nothing yet.
func Preview(s settings.Settings) (*sfsink.Sink, *salesforce.Client, error) {
	client, err := Salesforce(s.Salesforce, nil)
	if err != nil {
		return nil, nil, err
	}
	sink, err := sfsink.New(sfsink.Options{Client: client, Settings: s.Settings, DryRun: true, APIReserve: s.Salesforce.APIReserve})
	return sink, client, err
}
