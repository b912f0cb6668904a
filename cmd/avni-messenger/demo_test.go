package main

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runningDemo is a demo under way, with what it has printed.
type runningDemo struct {
	t     *testing.T
	out   lockedBuffer
	ctrlC context.CancelFunc
	ended chan error
}

func startDemo(t *testing.T, exit bool) *runningDemo {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	d := &runningDemo{t: t, ctrlC: cancel, ended: make(chan error, 1)}
	t.Cleanup(cancel)
	go func() { d.ended <- runDemo(ctx, &d.out, exit) }()
	return d
}

// await waits until the demo has printed what matches, and returns its first group.
func (d *runningDemo) await(pattern string) string {
	d.t.Helper()
	shape := regexp.MustCompile(pattern)
	for {
		if found := shape.FindStringSubmatch(d.out.String()); found != nil {
			return found[len(found)-1]
		}
		select {
		case err := <-d.ended:
			d.t.Fatalf("the demo ended with %v before it printed %s:\n%s", err, pattern, d.out.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// end waits for the demo's end and returns its error.
func (d *runningDemo) end(patience time.Duration) error {
	d.t.Helper()
	select {
	case err := <-d.ended:
		return err
	case <-time.After(patience):
	}
	d.t.Fatalf("the demo goes on:\n%s", d.out.String())
	return nil
}

func TestDemoSaysThatItsProgramDied(t *testing.T) {
	t.Parallel()
	d := startDemo(t, false)
	d.await(`Still running`)
	pid, err := strconv.Atoi(d.await(`pid (\d+), log in`))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := d.end(20 * time.Second); err == nil || !strings.Contains(err.Error(), "ended by itself: signal: killed") {
		t.Errorf("the demo ended with %v", err)
	}
	_, after, told := strings.Cut(d.out.String(), "The end of avni-messenger's log")
	if !told || !strings.Contains(after, `msg="message accepted by Glific"`) {
		t.Errorf("the program's log is not shown:\n%s", d.out.String())
	}
}

func TestDemoEndsAtCtrlC(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		exit   bool
		moment string // what has been printed then
		want   string // in the error
	}{
		{"while it starts", false, `starting PostgreSQL`, ""},
		{"in the middle of the story", false, `2\. She is enrolled`, ""},
		{"in the middle of a story that was to be told to its end", true, `2\. She is enrolled`, "the story was interrupted"},
		{"after the story", false, `pid \d+, log in`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t, row.exit)
			d.await(row.moment)
			d.ctrlC()
			text := ""
			if err := d.end(time.Minute); err != nil {
				text = err.Error()
			}
			if text != row.want || !strings.HasSuffix(d.out.String(), "\nStopped; everything is removed.\n") {
				t.Errorf("the demo ended with %q, want %q:\n%s", text, row.want, d.out.String())
			}
		})
	}
}

// Addresses are of use only as long as something answers there.
func TestDemoThatEndsNamesNoAddress(t *testing.T) {
	t.Parallel()
	d := startDemo(t, true)
	if err := d.end(3 * time.Minute); err != nil {
		t.Fatalf("the demo ended with %v:\n%s", err, d.out.String())
	}
	if out := d.out.String(); !strings.Contains(out, "7 messages arrived.") || strings.Contains(out, "://") || strings.Contains(out, "127.0.0.1") {
		t.Errorf("the demo printed:\n%s", out)
	}
}
