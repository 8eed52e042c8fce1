package settings

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// trustedDirs is the variable that names directories with further authorities to
// trust, with colons between them. On Linux Go reads it, beside the roots of the system.
const trustedDirs = "SSL_CERT_DIR"

// readTrusted keeps for Check that those directories hold no certificate: of that
// Go says nothing, and of what comes of it only that an authority is not known.
func (s *Settings) readTrusted(environ []string) {
	var dirs string
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); name == trustedDirs {
			dirs = value
		}
	}
	if dirs == "" || runtime.GOOS != "linux" { // on macOS Go does not read it
		return
	}
	for dir := range strings.SplitSeq(dirs, ":") {
		entries, _ := os.ReadDir(dir) // one that cannot be read holds none for Go either
		for _, entry := range entries {
			text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err == nil && x509.NewCertPool().AppendCertsFromPEM(text) {
				return
			}
		}
	}
	s.source.unread[trustedDirs] = Problem{
		Where: trustedDirs, Value: dirs, Wrong: dirs + " holds no certificate in PEM",
		Mend: "put those of the authorities there that are to be trusted beside the system's (with the Helm chart: into the ConfigMap and key of trustedCAs), or unset it",
	}
}

// trusted checks them for who talks to Salesforce or Aircall. The others need none,
// or kafka.tls.ca_file.
func (c *checker) trusted() {
	if p, ok := c.settings.source.unreadable(trustedDirs); ok && c.need.has(ForSink|ForAircall) {
		c.problems = append(c.problems, p)
	}
}
