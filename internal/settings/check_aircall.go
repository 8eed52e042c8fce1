package settings

import "strings"

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
	if !c.need.has(ForAircall) {
		return
	}
	// A file that cannot be read is told even where there is no API id: somebody meant it.
	_, unreadable := c.settings.source.unreadable("aircall.api_token_file")
	switch {
	case unreadable, a.APIID != "" && a.APIToken == "":
		c.missingSecret("aircall.api_token", "there is an API id (aircall.api_id) and no API token")
	case a.APIID == "" && a.APIToken != "":
		c.missing("aircall.api_id", "there is an API token and no API id")
	}
}
