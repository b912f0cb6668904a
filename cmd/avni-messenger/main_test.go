package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

// TestMain makes the test binary be avni-messenger itself when it is started as
// `avni-messenger run`, which is how tests start the program as a process: so there is
// none to be built, nor to be removed.
func TestMain(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{"run"}) {
		main()
	}
	zone, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		panic(err)
	}
	time.Local = zone // what newApp would do, before anything reads it
	avnitest.Main(m)
}

// command runs one command line and returns its exit code and output.
func command(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs lockedBuffer
	code = run(t.Context(), args, environ, &out, &errs)
	return code, out.String(), errs.String()
}

func TestCommandLine(t *testing.T) {
	for _, row := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string // what must be in them
	}{
		{"no command", nil, exitOK, "avni-messenger setup    prepares the database", ""},
		{"help", []string{"--help"}, exitOK, "Available Commands:", ""},
		{"version", []string{"--version"}, exitOK, "avni-messenger development (go1", ""},
		{"version with one dash", []string{"-version"}, exitOK, "avni-messenger development", ""},
		{"help of a command", []string{"run", "--help"}, exitOK, "SIGTERM", ""},
		{"unknown subcommand", []string{"rule", "tst"}, exitUsage, "", "there is no command \"tst\"; did you mean \"test\"?\nRun 'avni-messenger rule --help'"},
		{"no number", []string{"rule", "resume", "--rule", "abc"}, exitUsage, "", `--rule is "abc"; it must be a whole number`},
		{"unknown command", []string{"setpu"}, exitUsage, "", `there is no command "setpu"; did you mean "setup"?`},
		{"unknown flag", []string{"setup", "-prnt"}, exitUsage, "", "unknown flag: --prnt\nRun 'avni-messenger setup --help'"},
		{"superfluous argument", []string{"run", "now"}, exitUsage, "", `avni-messenger run takes no argument, but was given "now"`},
		{"bad role", []string{"setup", "--role", "a b"}, exitUsage, "", `--role is "a b"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, stdout, stderr := command(t, nil, row.args...)
			if code != row.code || !strings.Contains(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) {
				t.Errorf("code %d, stdout %q, stderr %q; want code %d, stdout with %q, stderr with %q",
					code, stdout, stderr, row.code, row.stdout, row.stderr)
			}
			if (stderr == "") != (row.code == exitOK) {
				t.Errorf("code %d with stderr %q", code, stderr)
			}
		})
	}
}

func TestWrongConfigurationEndsEveryCommand(t *testing.T) {
	for _, name := range []string{"run", "setup", "teardown", "health"} {
		code, stdout, stderr := command(t, []string{"MESSENGER_MODE=fast", "MESSENGER_TIMEZON=UTC"}, name)
		if code != exitConfig || stdout != "" || !strings.HasPrefix(stderr, "avni-messenger: 2 problems in the configuration:\n  MESSENGER_MODE is") {
			t.Errorf("%s: code %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
	}
}

func TestLongFlags(t *testing.T) {
	got := longFlags([]string{"setup", "-print", "--role", "x", "-h", "-5m", "-", "--", "-print"})
	want := []string{"setup", "--print", "--role", "x", "-h", "-5m", "-", "--", "-print"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("flags are %q, want %q", got, want)
	}
}

// lockedBuffer is a bytes.Buffer that several goroutines may use.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
