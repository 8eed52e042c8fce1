package apache

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

//go:embed pom.xml
var pom []byte

// OldestJava is the oldest version of Java that runs the brokers.
const OldestJava = 17

// ErrNoJava and ErrNoMaven say that a program is missing, or too old.
var (
	ErrNoJava  = errors.New("Apache Kafka needs Java 17 or later: apt-get install default-jre-headless, or brew install openjdk@17") //nolint:staticcheck // a name begins it
	ErrNoMaven = errors.New("fetching Apache Kafka needs Maven: apt-get install maven, or brew install maven")
)

// Version is the version of Apache Kafka that is run, such as 4.4.0.
func Version() string {
	return string(regexp.MustCompile(`<kafka\.version>(.*)</kafka\.version>`).FindSubmatch(pom)[1])
}

// Home is where the jars and the clusters of `make kafka` are: the directory
// .kafka beside the go.mod of the checkout in which this process runs.
func Home() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".kafka"), nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod in this directory or above it: run this within the checkout")
		}
		dir = filepath.Dir(dir)
	}
}

// Check looks for a Java that is new enough. The error is [ErrNoJava], with what
// was found instead.
func Check(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "java", "-version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w (running java -version: %w)", ErrNoJava, err)
	}
	version, err := javaVersion(string(out))
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrNoJava, err)
	}
	if version < OldestJava {
		return fmt.Errorf("%w (the java in the PATH is version %d)", ErrNoJava, version)
	}
	return nil
}

// javaVersion reads what java -version printed: `openjdk version "17.0.15" …`,
// and before Java 9 `java version "1.8.0_402"`.
func javaVersion(out string) (int, error) {
	match := regexp.MustCompile(`version "(?:1\.)?(\d+)`).FindStringSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("java -version printed %q", firstLine(out))
	}
	return strconv.Atoi(match[1])
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// Install fetches the jars of [Version] into dir, once: what is there already is
// left alone. It runs Maven, which needs Maven Central or what its settings name
// instead. Several processes may install into one directory at a time.
func Install(ctx context.Context, dir string) error {
	if _, err := os.Stat(libraries(dir)); err == nil {
		return nil
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return ErrNoMaven
	}
	if err := Check(ctx); err != nil { // Maven runs on Java
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the directory of the jars: %w", err)
	}
	// Made elsewhere and moved in one piece, so that a half fetched one is never taken for whole.
	work, err := os.MkdirTemp(dir, "fetching-")
	if err != nil {
		return fmt.Errorf("making the directory of the jars: %w", err)
	}
	defer os.RemoveAll(work) //nolint:errcheck // a leftover takes room and does no harm
	if err := fetch(ctx, work); err != nil {
		return fmt.Errorf("fetching Apache Kafka %s with Maven: %w", Version(), err)
	}
	err = os.Rename(filepath.Join(work, "jars"), libraries(dir))
	if _, there := os.Stat(libraries(dir)); err != nil && there != nil {
		return fmt.Errorf("moving the jars of Apache Kafka into place: %w", err)
	}
	return nil
}

// libraries is the directory of the jars.
func libraries(dir string) string { return filepath.Join(dir, "lib-"+Version()) }

// fetch lets Maven resolve everything that Kafka needs at run time.
func fetch(ctx context.Context, work string) error {
	file := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "--file", file, "dependency:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(work, "jars"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(out.String()))
	}
	return nil
}
