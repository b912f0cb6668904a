// Command bench runs the benchmarks of the repository, each once, and tells for every goal
// what was measured. Run it from the root of the repository; `make bench` does.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

// suite is one package's benchmarks. They are printed as they come, so a title says how
// long the next lines may take.
type suite struct {
	title    string
	folder   string
	duration string // for go test's -benchtime
}

var suites = []suite{
	{"The whole program, with a fake Glific: about 8 minutes", "./cmd/avni-messenger", "1x"},
	{"The stream beside pg_recvlogical: 5 to 10 minutes", "./cdc", "1x"},
	{"Rules: about 2 minutes", "./rules", "2s"},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run fails if a benchmark does. A goal that is missed is told, and no more: that may be
// the machine's fault.
func run(ctx context.Context, out io.Writer) error {
	r := &report{out: out, fewRows: os.Getenv("MESSENGER_BENCH_ROWS") != ""}
	for _, s := range suites {
		fmt.Fprintf(out, "\n%s\n", s.title)
		if err := r.measure(ctx, s); err != nil {
			return err
		}
	}
	r.finish()
	return nil
}

// measure runs a suite, and reports each benchmark as soon as it is done.
func (r *report) measure(ctx context.Context, s suite) error {
	test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", ".", "-benchtime", s.duration, "-timeout", "60m", s.folder)
	test.Stderr = os.Stderr
	test.Cancel = func() error { return nil } // Ctrl-C has reached it as well
	pipe, err := test.StdoutPipe()
	if err != nil {
		return fmt.Errorf("open pipe: %w", err)
	}
	if err := test.Start(); err != nil {
		return fmt.Errorf("start go test: %w", err)
	}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		r.line(strings.TrimSpace(lines.Text()))
	}
	if err := test.Wait(); err != nil {
		return fmt.Errorf("benchmarks of %s: %w", s.folder, err)
	}
	return lines.Err()
}
