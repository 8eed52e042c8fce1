package settings

import (
	"fmt"
	"strings"
)

// aircall checks the section aircall. An API key is no stage's need; half of one
// is a mistake.
func (c *checker) aircall() {
	a := c.settings.Aircall
	if wrong := hostURLProblem(a.APIURL); wrong != "" {
		c.add("aircall.api_url", quoted(withoutUser(a.APIURL)), wrong, "use https://api.aircall.io")
	}
	if strings.Contains(a.APIID, ":") {
		c.add("aircall.api_id", mask, "holds a colon, which no API id does", "give the API id alone, and the API token in aircall.api_token_file")
	}
	if !(a.APIReserve >= 0 && a.APIReserve < 1) {
		c.add("aircall.api_reserve", fmt.Sprint(a.APIReserve), "must be a share from 0 to less than 1", "0.2 leaves a fifth of the requests to others")
	}
	if !c.need.has(ForAircall | ForAircallKey) {
		return
	}
	if a.StateDir == "" && c.need.has(ForAircallKey) {
		c.add("aircall.state_dir", `""`, "backfill has nowhere to note how far it has come", "give a directory that this user may write to")
	}
	// A file that cannot be read is told even where there is no API id: somebody meant it.
	_, unreadable := c.settings.source.unreadable("aircall.api_token_file")
	switch {
	case unreadable, a.APIID != "" && a.APIToken == "":
		c.missingSecret("aircall.api_token", "there is an API id (aircall.api_id) and no API token")
	case a.APIID == "" && a.APIToken != "":
		c.missing("aircall.api_id", "there is an API token and no API id")
	case a.APIID == "" && c.need.has(ForAircallKey):
		c.missing("aircall.api_id", "calls are fetched from Aircall's API, which needs an API key")
	}
}
