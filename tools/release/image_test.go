package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// built is the image of what is committed, made once for all tests from a clone.
var built struct {
	clone  string
	dir    string
	digest string
}

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "callfold-image-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built.dir = filepath.Join(dir, "image")
	built.clone = filepath.Join(dir, "clone")
	if out, err := exec.Command("git", "clone", "--quiet", "../..", built.clone).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cloning: %v\n%s", err, out)
		return 1
	}
	if built.digest, err = image(context.Background(), built.clone, built.dir, ""); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// TestReproducible builds the same commit once more from a clone elsewhere, and pushes
// it to a registry: every byte is the same.
func TestReproducible(t *testing.T) {
	clone, out := filepath.Join(t.TempDir(), "another", "place"), filepath.Join(t.TempDir(), "image")
	if printed, err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", built.clone, clone).CombinedOutput(); err != nil {
		t.Fatalf("cloning: %v\n%s", err, printed)
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/callfold/callfold:v1"
	printed, err := image(t.Context(), clone, out, ref)
	if err != nil {
		t.Fatal(err)
	}
	if want := ref + "@" + built.digest; printed != want {
		t.Errorf("pushed as %s, want %s", printed, want)
	}
	for _, file := range []string{"image.tar", "sbom/callfold-linux-amd64.spdx.json", "sbom/callfold-linux-arm64.spdx.json", "sbom/callfold-index.spdx.json"} {
		if !bytes.Equal(read(t, filepath.Join(built.dir, file)), read(t, filepath.Join(out, file))) {
			t.Errorf("%s is another", file)
		}
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Index(parsed)
	if err != nil {
		t.Fatal(err)
	}
	if digest, err := pulled.Digest(); err != nil || digest.String() != built.digest {
		t.Errorf("the registry has %v, %v; want %s", digest, err, built.digest)
	}
	tags, err := remote.List(parsed.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(tags, strings.Replace(built.digest, ":", "-", 1)+".sbom") {
		t.Errorf("the registry has the tags %q, and no SBOM", tags)
	}
}

// TestConfiguration looks at what engines and Kubernetes read of the image.
func TestConfiguration(t *testing.T) {
	for _, platform := range imagePlatforms {
		config, err := imageOf(t, platform).ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.OS != platform.OS || config.Architecture != platform.Architecture {
			t.Errorf("the image for %s says %s/%s", platform.String(), config.OS, config.Architecture)
		}
		if config.Config.User != "65532:65532" || config.Config.WorkingDir != home || !slices.Equal(config.Config.Entrypoint, []string{"/ko-app/callfold"}) || config.Config.Cmd != nil {
			t.Errorf("%s: user %q, directory %q, entry point %q, command %q", platform.String(), config.Config.User, config.Config.WorkingDir, config.Config.Entrypoint, config.Config.Cmd)
		}
		for _, label := range []string{"title", "description", "source", "licenses", "revision", "version", "created"} {
			if config.Config.Labels["org.opencontainers.image."+label] == "" {
				t.Errorf("%s: no label %s", platform.String(), label)
			}
		}
	}
}

// TestProgram wants a static program for each platform, that knows its commit.
func TestProgram(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for _, platform := range imagePlatforms {
		root := t.TempDir()
		unpack(t, platform, root)
		file := filepath.Join(root, "ko-app/callfold")
		program, err := elf.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer program.Close()
		if program.Machine != machines[platform.Architecture] {
			t.Errorf("%s: the program is for %s", platform.String(), program.Machine)
		}
		if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 || slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
			t.Errorf("%s: the program is not static: %q, %v", platform.String(), libraries, err)
		}
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		of := map[string]string{}
		for _, s := range info.Settings {
			of[s.Key] = s.Value
		}
		if config, err := imageOf(t, platform).ConfigFile(); err != nil || of["vcs.revision"] != config.Config.Labels["org.opencontainers.image.revision"] || of["vcs.modified"] != "false" {
			t.Errorf("%s: the program is of commit %q, modified %q; %v", platform.String(), of["vcs.revision"], of["vcs.modified"], err)
		}
	}
}

// TestRoots looks for the authorities of Salesforce and of Kafka's hosters.
func TestRoots(t *testing.T) {
	names := map[string]bool{}
	for rest := roots(); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		names[certificate.Subject.CommonName] = true
	}
	for _, want := range []string{"DigiCert Global Root G2", "Amazon Root CA 1", "ISRG Root X1"} {
		if !names[want] {
			t.Errorf("%s is not among the %d roots", want, len(names))
		}
	}
}

// TestBillOfMaterials looks for what the program is made of.
func TestBillOfMaterials(t *testing.T) {
	var document struct {
		SPDXVersion string `json:"spdxVersion"`
		Packages    []struct {
			Name string `json:"name"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(read(t, filepath.Join(built.dir, "sbom/callfold-linux-amd64.spdx.json")), &document); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, p := range document.Packages {
		names[p.Name] = true
	}
	if !strings.HasPrefix(document.SPDXVersion, "SPDX-") || !names["github.com/twmb/franz-go"] || !names["github.com/cockroachdb/pebble/v2"] {
		t.Errorf("%s names %d packages, and not what callfold is made of", document.SPDXVersion, len(names))
	}
}

// TestRuns runs the image's program as its user, in its files, which are read-only as
// the chart has them.
func TestRuns(t *testing.T) {
	c := newContainer(t)
	if out := c.run("version"); !strings.Contains(out, machine().String()) || strings.Contains(out, "with changes") {
		t.Errorf("version: %s", out)
	}

	if out := c.run("dev", "--data", "/data", "--listen", anyPort, "--kafka", anyPort, "--salesforce", anyPort); !strings.Contains(out, "read-only file system") {
		t.Errorf("dev with its data outside of the volume: %s", out)
	}

	t.Run("trusts the roots of the image", func(t *testing.T) {
		asked := make(chan string, 10)
		org := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked <- r.URL.Path
			w.WriteHeader(http.StatusBadRequest)
		}))
		org.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the client that does not trust it
		org.StartTLS()
		defer org.Close()
		doctor := []string{"doctor", "--timeout", "21s"} // a third of it for each request
		c := newContainer(t)
		c.env = []string{
			"CALLFOLD_KAFKA_BROKERS=127.0.0.1:1", "CALLFOLD_SALESFORCE_LOGIN_URL=" + org.URL, "CALLFOLD_SALESFORCE_AUTH_FLOW=client_credentials",
			"CALLFOLD_SALESFORCE_AUTH_CLIENT_ID=dev", "CALLFOLD_SALESFORCE_AUTH_CLIENT_SECRET=dev",
		}
		if out := c.run(doctor...); !strings.Contains(out, "unknown authority") || len(asked) > 0 {
			t.Errorf("with the image's roots, against an authority of its own:\n%s", out)
		}
		own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: org.Certificate().Raw})
		if err := os.WriteFile(filepath.Join(c.root, caFile), append(roots(), own...), 0o644); err != nil {
			t.Fatal(err)
		}
		if out := c.run(doctor...); strings.Contains(out, "unknown authority") || len(asked) == 0 {
			t.Errorf("with that authority among the roots:\n%s", out)
		}
	})

	t.Run("dev", func(t *testing.T) {
		cmd := c.command("dev", "--data", home+"/dev", "--listen", anyPort, "--kafka", anyPort, "--salesforce", anyPort, "--traffic", "60")
		out, err := os.Create(filepath.Join(t.TempDir(), "output"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close() // dev has its own
		cmd.Stdout, cmd.Stderr = out, out
		page := regexp.MustCompile(`  page +(http://[0-9.:]+/)`)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for deadline := time.Now().Add(10 * time.Minute); ; time.Sleep(100 * time.Millisecond) { // polling
			if said := page.FindSubmatch(read(t, out.Name())); said != nil {
				if response, err := http.Get(string(said[1]) + "readyz"); err == nil {
					response.Body.Close()
					if response.StatusCode == http.StatusOK {
						break
					}
				}
			}
			select {
			case err := <-ended:
				t.Fatalf("dev ended: %v\n%s", err, read(t, out.Name()))
			default:
			}
			if time.Now().After(deadline) {
				_ = cmd.Process.Kill()
				<-ended
				t.Fatalf("dev did not become ready\n%s", read(t, out.Name()))
			}
		}
		if owner := owner(t, fmt.Sprintf("/proc/%d", cmd.Process.Pid)); owner != user {
			t.Errorf("dev runs as user %d", owner)
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("dev ended with %v\n%s", err, read(t, out.Name()))
		}
	})
}

// anyPort has dev listen where nobody else does, and say where.
const anyPort = "127.0.0.1:0"

// container is the unpacked image of this machine's platform, and what an engine
// would give it: a read-only root, an empty /tmp and a volume at home.
type container struct {
	*testing.T
	root, volume string
	env          []string
}

func newContainer(t *testing.T) *container {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("running the image's program in its own files takes root, on Linux")
	}
	c := &container{T: t, root: t.TempDir(), volume: t.TempDir()}
	unpack(t, machine(), c.root)
	if err := os.Chown(c.volume, user, user); err != nil {
		t.Fatal(err)
	}
	return c
}

// machine is the platform of the machine that the test runs on.
func machine() v1.Platform { return v1.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH} }

// script gives the process file systems of its own, in which only /tmp and the
// volume can be written, and becomes the image's user in them.
const script = `set -e
root=$1 volume=$2 home=$3 user=$4; shift 4
mount --bind "$root" "$root"
mount -o remount,ro,bind "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --bind "$volume" "$root$home"
exec chroot --userspec="$user:$user" --groups= "$root" /ko-app/callfold "$@"`

func (c *container) command(args ...string) *exec.Cmd {
	args = append([]string{"--mount", "sh", "-c", script, "sh", c.root, c.volume, home, fmt.Sprint(user)}, args...)
	cmd := exec.Command("unshare", args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, c.env...)
	return cmd
}

// run returns all that the program prints, however it ends.
func (c *container) run(args ...string) string {
	c.Helper()
	out, err := c.command(args...).CombinedOutput()
	if err != nil {
		out = fmt.Append(out, err)
	}
	return string(out)
}

// imageOf is the image of a platform.
func imageOf(t *testing.T, platform v1.Platform) v1.Image {
	t.Helper()
	path, err := layout.FromPath(filepath.Join(built.dir, "oci"))
	if err != nil {
		t.Fatal(err)
	}
	outer, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := v1.NewHash(built.digest)
	if err != nil {
		t.Fatal(err)
	}
	index, err := outer.ImageIndex(digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range manifest.Manifests {
		if m.Platform.Equals(platform) {
			found, err := index.Image(m.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
	}
	t.Fatalf("no image for %s", platform.String())
	return nil
}

// unpack puts the files of an image into a directory.
func unpack(t *testing.T, platform v1.Platform, root string) {
	t.Helper()
	content := mutate.Extract(imageOf(t, platform))
	defer content.Close()
	for r := tar.NewReader(bufio.NewReader(content)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, filepath.FromSlash(header.Name))
		mode := header.FileInfo().Mode()
		switch header.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeReg:
			var out []byte
			if out, err = io.ReadAll(r); err == nil {
				if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
					err = os.WriteFile(path, out, 0o600)
				}
			}
		default:
			t.Fatalf("%s is neither a file nor a directory", header.Name)
		}
		if err == nil && os.Getuid() == 0 {
			err = os.Chown(path, header.Uid, header.Gid)
		}
		if err == nil {
			err = os.Chmod(path, mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// owner is the id of the user to whom a file belongs.
func owner(t *testing.T, file string) int {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}
