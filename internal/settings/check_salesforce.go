package settings

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

var apiVersion = regexp.MustCompile(`^[1-9][0-9]+\.0$`)

// salesforce checks the section salesforce.
func (c *checker) salesforce() {
	s := c.settings.Salesforce
	if wrong := hostURLProblem(s.LoginURL); wrong != "" {
		c.add("salesforce.login_url", quoted(withoutUser(s.LoginURL)), wrong,
			"use https://login.salesforce.com, https://test.salesforce.com or the org's My Domain host")
	}
	if !apiVersion.MatchString(s.APIVersion) {
		c.add("salesforce.api_version", quoted(s.APIVersion), "is not a version of the REST API", `write it like "64.0"`)
	}
	c.oneOf("salesforce.auth.flow", s.Auth.Flow, "jwt", "client_credentials")
	switch s.Auth.Flow {
	case "jwt":
		c.jwt(s.Auth)
	case "client_credentials":
		c.clientCredentials(s)
	}
	if !(s.APIReserve >= 0 && s.APIReserve < 1) { // so written, it refuses NaN too
		c.add("salesforce.api_reserve", fmt.Sprint(s.APIReserve), "must be a share from 0 to less than 1", "0.2 leaves a fifth of the daily calls to others")
	}
}

// jwt checks what the flow jwt needs.
func (c *checker) jwt(a Auth) {
	if a.PrivateKey != "" {
		if wrong := privateKeyProblem(a.PrivateKey.Reveal()); wrong != "" {
			c.add("salesforce.auth.private_key_file", a.PrivateKeyFile, wrong,
				"use the RSA private key, in PEM, that belongs to the certificate of the External Client App")
		}
	}
	if !c.need.has(ForSink) {
		return
	}
	if a.ClientID == "" {
		c.missing("salesforce.auth.client_id", "there is no consumer key of the External Client App")
	}
	if a.Username == "" {
		c.missing("salesforce.auth.username", "there is no integration user to act as")
	}
	if a.PrivateKey == "" {
		c.missingSecret("salesforce.auth.private_key", "there is no private key to sign in with")
	}
}

// clientCredentials checks what the flow client_credentials needs.
func (c *checker) clientCredentials(s Salesforce) {
	if !c.need.has(ForSink) {
		return
	}
	if u, err := url.Parse(s.LoginURL); err == nil && (u.Hostname() == "login.salesforce.com" || u.Hostname() == "test.salesforce.com") {
		c.add("salesforce.login_url", s.LoginURL, "does not serve the flow client_credentials",
			"use the org's My Domain host, such as https://example.my.salesforce.com")
	}
	if s.Auth.ClientID == "" {
		c.missing("salesforce.auth.client_id", "there is no consumer key of the External Client App")
	}
	if s.Auth.ClientSecret == "" {
		c.missingSecret("salesforce.auth.client_secret", "there is no client secret to sign in with")
	}
}

// hostURLProblem says what is wrong with the URL of a host that is sent a secret,
// or nothing. Plain http is only for a simulator on this machine.
func hostURLProblem(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return "is not a URL that starts with https://"
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "must be scheme and host only"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "would send secrets unencrypted"
	}
	return ""
}

// loopback says whether the host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// privateKeyProblem says why the text is not an RSA private key in PEM, or nothing.
// It never repeats any of the text.
func privateKeyProblem(text string) string {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return "the private key is not PEM"
	}
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return ""
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "the private key cannot be parsed (is it encrypted, or a certificate?)"
	}
	if _, ok := parsed.(*rsa.PrivateKey); !ok {
		return "the private key is not an RSA key"
	}
	return ""
}

// withoutUser is the URL without what stands before an @, which may be a
// password, also where it is no right URL.
func withoutUser(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	} else {
		scheme += "://"
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = mask + rest[at:]
	}
	return scheme + rest
}
