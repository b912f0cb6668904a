package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The process's zone is Asia/Kolkata in these tests (TestMain).
func TestLogLinesTellTimeInOneForm(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 7_000_000, time.Local)
	for _, format := range []LogFormat{LogJSON, LogText} {
		var out lockedBuffer
		newLogger(Config{LogFormat: format}, &out).With("poll_interval", 90*time.Second).
			Info("paused", "until", at, "since", time.Time{}, slog.Group("config", slog.Duration("rule_timeout", 1500*time.Millisecond)), "ttl", 2*time.Second+300*time.Microsecond)
		fields := fieldsOf(t, format, out.String())
		for name, want := range map[string]string{
			"until": "2026-03-01T06:30:00.007Z", "poll_interval": "1m30s", "config.rule_timeout": "1.5s", "ttl": "2s",
		} {
			if fields[name] != want {
				t.Errorf("%s: %s is %q, want %q", format, name, fields[name], want)
			}
		}
		if since, ok := fields["since"]; ok {
			t.Errorf("%s: since is %q although it is not known", format, since)
		}
		if written, err := time.Parse(logTime, fields["time"]); err != nil || time.Since(written).Abs() > time.Minute {
			t.Errorf("%s: time is %q, want now in UTC with milliseconds (%v)", format, fields["time"], err)
		}
	}
}

// pgx tells of each way that it has tried, in a line of its own.
func TestLogLinesAreOneLine(t *testing.T) {
	for name, c := range map[string]struct{ url, want string }{
		"with TLS and without": {"postgres://avni@127.0.0.1:1/openchs", "dial tcp 127.0.0.1:1: connect: connection refused"},
		"one way":              {"postgres://avni@127.0.0.1:1/openchs?sslmode=disable", "dial tcp 127.0.0.1:1: connect: connection refused"},
		"two addresses": {"postgres://avni@127.0.0.1:1,127.0.0.1:2/openchs",
			"dial tcp 127.0.0.1:1: connect: connection refused; dial tcp 127.0.0.1:2: connect: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pgx.Connect(t.Context(), c.url)
			err = fmt.Errorf("read the inbox: %w", err)
			var out lockedBuffer
			newLogger(Config{}, &out).Error("trouble", "err", err, "reason", err.Error())
			fields := fieldsOf(t, LogJSON, out.String())
			for _, name := range []string{"err", "reason"} {
				if want := "read the inbox: failed to connect to `user=avni database=openchs`: " + c.want; fields[name] != want {
					t.Errorf("%s is %q, want %q", name, fields[name], want)
				}
			}
		})
	}
}

// fieldsOf reads one log line; members of a group are called group.member.
func fieldsOf(t *testing.T, format LogFormat, line string) map[string]string {
	t.Helper()
	fields := map[string]string{}
	if format == LogText {
		for _, field := range strings.Fields(line) {
			name, value, _ := strings.Cut(field, "=")
			fields[name] = value
		}
		return fields
	}
	var found map[string]any
	if err := json.Unmarshal([]byte(line), &found); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for name, value := range found {
		group, _ := value.(map[string]any)
		for member, text := range group {
			fields[name+"."+member], _ = text.(string)
		}
		if text, ok := value.(string); ok {
			fields[name] = text
		}
	}
	return fields
}
