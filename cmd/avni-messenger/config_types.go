package main

import (
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// Switch is a setting that is on or off.
type Switch bool

// UnmarshalText reads on, off and the other words that people write for them.
func (s *Switch) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "on", "true", "yes", "1":
		*s = true
	case "off", "false", "no", "0":
		*s = false
	default:
		return fmt.Errorf("is %q; it must be on or off (true and false mean the same)", text)
	}
	return nil
}

func (s Switch) String() string {
	if s {
		return "on"
	}
	return "off"
}

// Size is an amount of data in bytes.
type Size int64

var sizePattern = regexp.MustCompile(`^([0-9]{1,9})\s*(MB|GB|TB)$`)

// UnmarshalText reads 500MB, 8GB or 1TB, whose units are powers of 1024 as in
// PostgreSQL's own settings.
func (s *Size) UnmarshalText(text []byte) error {
	found := sizePattern.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(string(text))))
	if found == nil {
		return fmt.Errorf("is %q; it must be a whole number with a unit, such as 500MB or 8GB", text)
	}
	number, err := strconv.ParseInt(found[1], 10, 64)
	shift := map[string]int{"MB": 20, "GB": 30, "TB": 40}[found[2]]
	if err != nil || number > math.MaxInt64>>shift {
		return fmt.Errorf("is %q; that is more than can be counted", text)
	}
	*s = Size(number << shift)
	return nil
}

func (s Size) String() string {
	switch {
	case s >= 1<<30 && s%(1<<30) == 0:
		return fmt.Sprintf("%dGB", s>>30)
	case s%(1<<20) == 0:
		return fmt.Sprintf("%dMB", s>>20)
	}
	return fmt.Sprintf("%dB", int64(s))
}

// Timezone is the zone in which rules see local time, and of quiet hours.
type Timezone struct{ location *time.Location }

// UnmarshalText takes a name of the IANA time zone database.
func (z *Timezone) UnmarshalText(text []byte) error {
	location, err := time.LoadLocation(string(text))
	if err != nil || strings.EqualFold(string(text), "local") {
		return fmt.Errorf("is %q; it must be the name of a time zone, such as Asia/Kolkata or UTC", text)
	}
	z.location = location
	return nil
}

// Location returns the zone; UTC for the zero value.
func (z Timezone) Location() *time.Location {
	if z.location == nil {
		return time.UTC
	}
	return z.location
}

func (z Timezone) String() string { return z.Location().String() }

// QuietHours is the part of each day in which nothing is sent, as time since
// midnight. It may span midnight. The zero value means that there is none.
type QuietHours struct{ From, To time.Duration }

// UnmarshalText reads 21:00-08:00.
func (q *QuietHours) UnmarshalText(text []byte) error {
	wrong := fmt.Errorf("is %q; it must be two times of day, such as 21:00-08:00", text)
	from, to, ok := strings.Cut(string(text), "-")
	if !ok {
		return wrong
	}
	start, err1 := timeOfDay(from)
	end, err2 := timeOfDay(to)
	if err1 != nil || err2 != nil {
		return wrong
	}
	if start == end {
		return fmt.Errorf("is %q; it must not begin and end at the same time. To send nothing at all, set MESSENGER_DISPATCH=off", text)
	}
	q.From, q.To = start, end
	return nil
}

func timeOfDay(text string) (time.Duration, error) {
	t, err := time.Parse("15:04", strings.TrimSpace(text))
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err
}

func (q QuietHours) String() string {
	if q == (QuietHours{}) {
		return "none"
	}
	clock := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute) }
	return clock(q.From) + "-" + clock(q.To)
}

// TestNumbers are the only phone numbers that may be messaged, in E.164 with the
// plus sign. Empty means every number. They are personal: no String prints them.
type TestNumbers []string

// UnmarshalText reads international phone numbers, separated by commas.
func (n *TestNumbers) UnmarshalText(text []byte) error {
	for i, entry := range strings.Split(string(text), ",") {
		number, err := phonenumbers.Parse(strings.TrimSpace(entry), "")
		if err != nil || !phonenumbers.IsValidNumber(number) {
			return fmt.Errorf("is wrong: number %d of the list (%d characters) is not a phone number; "+
				"write each with plus sign and country code, such as +919876543210, and separate them by commas",
				i+1, len(strings.TrimSpace(entry)))
		}
		*n = append(*n, phonenumbers.Format(number, phonenumbers.E164))
	}
	return nil
}

func (n TestNumbers) String() string { return fmt.Sprintf("%d numbers", len(n)) }

// LogLevel is the least severity that is logged.
type LogLevel struct{ slog.Level }

// UnmarshalText reads debug, info, warn or error.
func (l *LogLevel) UnmarshalText(text []byte) error {
	if err := l.Level.UnmarshalText(text); err != nil {
		return fmt.Errorf("is %q; it must be debug, info, warn or error", text)
	}
	return nil
}

// LogFormat is how log lines are written.
type LogFormat string

// The log formats.
const (
	LogJSON LogFormat = "json"
	LogText LogFormat = "text"
)

// UnmarshalText reads json or text.
func (f *LogFormat) UnmarshalText(text []byte) error {
	switch format := LogFormat(strings.ToLower(string(text))); format {
	case LogJSON, LogText:
		*f = format
		return nil
	}
	return fmt.Errorf("is %q; it must be json or text", text)
}

// Secret is a text that is never printed.
type Secret string

// leastPassword is how many characters a password has at least.
const leastPassword = 8

func (s Secret) String() string {
	if s == "" {
		return "not set"
	}
	return "set"
}

// GoString is String, so that no way of printing shows it.
func (s Secret) GoString() string { return s.String() }
