package main

import (
	"io"
	"log/slog"
	"time"
)

// newLogger returns the logger of the process. It writes to standard error, so that
// standard output stays for what a command was asked to print.
func newLogger(cfg Config, stderr io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel.Level, ReplaceAttr: plainTime}
	if cfg.LogFormat == LogText {
		return slog.New(slog.NewTextHandler(stderr, options))
	}
	return slog.New(slog.NewJSONHandler(stderr, options))
}

// logTime is RFC 3339 in UTC with milliseconds, so that lines sort and compare as text.
const logTime = "2006-01-02T15:04:05.000Z"

// plainTime gives times and durations one form in every line: UTC, and 1.5s instead of
// JSON's nanoseconds. A time that there is none of is left out.
func plainTime(_ []string, attr slog.Attr) slog.Attr {
	switch attr.Value.Kind() {
	case slog.KindTime:
		if attr.Value.Time().IsZero() {
			return slog.Attr{}
		}
		attr.Value = slog.StringValue(attr.Value.Time().UTC().Format(logTime))
	case slog.KindDuration:
		attr.Value = slog.StringValue(attr.Value.Duration().Round(time.Millisecond).String())
	}
	return attr
}
