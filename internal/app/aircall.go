package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/aircall"
	"github.com/callfold/callfold/internal/settings"
)

// aircallTries is how often a request is sent that gets no answer: with growing
// pauses that is some two minutes.
const aircallTries = 8

// Aircall makes the client of Aircall's REST API. The metrics may be nil.
func Aircall(s settings.Aircall, metrics prometheus.Registerer) (*aircall.Client, error) {
	return aircall.New(aircall.Options{
		URL: s.APIURL, ID: s.APIID, Token: s.APIToken.Reveal(), Reserve: s.APIReserve, Tries: aircallTries, Registerer: metrics,
	})
}
