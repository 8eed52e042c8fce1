package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	only := flag.String("run", "", "only the patches whose name matches this regular expression")
	times := flag.Int("times", 1, "run each broken test so often: finds a break that shows by chance only")
	verbose := flag.Bool("v", false, "print what the broken tests print")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, *only, *times, *verbose)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !ok {
		stop()
		os.Exit(1)
	}
}

// run tries the patches, prints a line for each test, and reports whether all
// turned red that should, and none that should not.
func run(ctx context.Context, only string, times int, verbose bool) (bool, error) {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return false, fmt.Errorf("the pattern of -run: %w", err)
	}
	s, err := newSuite(ctx)
	if err != nil {
		return false, err
	}
	defer s.close()
	patches, err := load(s.path("test/breaks"))
	if err != nil {
		return false, err
	}
	patches = slices.DeleteFunc(patches, func(p patch) bool { return !wanted.MatchString(p.name) })
	if len(patches) == 0 {
		return false, fmt.Errorf("no patch matches %q", only)
	}

	began := time.Now()
	var bad []string
	const row = "%-32s  %-44s  %-7s  %-7s  %6s  %s\n"
	fmt.Printf(row, "PATCH", "TEST", "WITHOUT", "WITH", "TIME", "")
	for _, p := range patches {
		results, err := s.try(ctx, p, times)
		if err != nil {
			fmt.Printf(row, p.name, p.red[0].test, "", "", "", err)
		}
		fine := err == nil
		for _, r := range results {
			fmt.Printf(row, p.name, r.test, r.without, r.with, r.took.Round(100*time.Millisecond), r.problem)
			fine = fine && r.problem == ""
			if verbose || r.problem != "" {
				fmt.Fprintln(os.Stderr, r.output)
			}
		}
		if !fine {
			bad = append(bad, p.name)
		}
	}
	fmt.Printf("%d of %d patches turned their tests red, in %s\n", len(patches)-len(bad), len(patches), time.Since(began).Round(time.Second))
	if len(bad) > 0 {
		fmt.Println("Not so:", strings.Join(bad, ", "))
	}
	return len(bad) == 0, ctx.Err()
}
