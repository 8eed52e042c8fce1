//go:build unix

package bench

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Role is what a process of the benchmark does, with the arguments that [Start] was given
// behind the role's name. Its context ends with a signal, and with the benchmark.
type Role func(ctx context.Context, args []string) error

// Main is the main function of a benchmark: it runs the benchmark with the program's
// arguments, or the role that the first of them names.
func Main(name string, benchmark Role, roles map[string]Role) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run, args := benchmark, os.Args[1:]
	if len(args) > 0 && roles[args[0]] != nil {
		run, args = roles[args[0]], args[1:]
		var end context.CancelFunc
		ctx, end = context.WithCancel(ctx)
		go answer(end)
	}
	if err := run(ctx, args); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// answer tells the CPU time for every line that comes in. The input ends with the
// benchmark, even if that was killed, and nothing of it outlives it.
func answer(end context.CancelFunc) {
	defer end()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(CPUTime().Nanoseconds())
	}
}
