package main

import (
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"
)

// newLogger returns the logger of the process. It writes to standard error, so that
// standard output stays for what a command was asked to print.
func newLogger(cfg Config, stderr io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel.Level, ReplaceAttr: plain}
	if cfg.LogFormat == LogText {
		return slog.New(slog.NewTextHandler(stderr, options))
	}
	return slog.New(slog.NewJSONHandler(stderr, options))
}

// logTime is RFC 3339 in UTC with milliseconds, so that lines sort and compare as text.
const logTime = "2006-01-02T15:04:05.000Z"

// plain gives times and durations one form in every line: UTC, and 1.5s instead of
// JSON's nanoseconds. A time that there is none of is left out. Texts and errors are one
// line.
func plain(_ []string, attr slog.Attr) slog.Attr {
	switch attr.Value.Kind() {
	case slog.KindTime:
		if attr.Value.Time().IsZero() {
			return slog.Attr{}
		}
		attr.Value = slog.StringValue(attr.Value.Time().UTC().Format(logTime))
	case slog.KindDuration:
		attr.Value = slog.StringValue(attr.Value.Duration().Round(time.Millisecond).String())
	case slog.KindString:
		attr.Value = slog.StringValue(oneLine(attr.Value.String()))
	case slog.KindAny:
		if err, ok := attr.Value.Any().(error); ok {
			attr.Value = slog.StringValue(oneLine(err.Error()))
		}
	}
	return attr
}

// dialled is the address before pgx's text of a failure to reach it, which has it again.
var dialled = regexp.MustCompile(`\S+ \([^()\s]*\): dial error: `)

// oneLine folds a text of several lines, as pgx has for a connection that fails: a line for
// each address and each way that was tried, with TLS and without (see cdc.ConnectCause,
// which tells it shorter of an error).
func oneLine(text string) string {
	if strings.Contains(text, "dial error: ") { // few of all that is logged do
		text = dialled.ReplaceAllString(text, "")
	}
	var said []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	return strings.ReplaceAll(strings.Join(said, "; "), ":; ", ": ")
}
