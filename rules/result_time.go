package rules

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// instantPattern is the ISO 8601 that joda-time's dateTimeParser takes, but for a time of
// day without a date, which avni-server would put into 1970.
var instantPattern = regexp.MustCompile(`^(\d{4})` +
	`(?:-(\d{2})(?:-(\d{2}))?|-W(\d{2})(?:-([1-7]))?|-(\d{3}))?` +
	`(?:T(?:(\d{2})(?::(\d{2})(?::(\d{2}))?)?(?:[.,](\d+))?)?(Z|[+-]\d{2}(?::?\d{2})?)?(?:\[[A-Za-z0-9_/+-]+\])?)?$`)

// The groups of instantPattern.
const (
	groupYear = 1 + iota
	groupMonth
	groupDay
	groupWeek
	groupWeekday
	groupYearDay
	groupHour
	groupMinute
	groupSecond
	groupFraction
	groupZone
)

// readInstant reads scheduledDateTime: a text or epoch milliseconds. Nothing, null and
// blank text mean that there is no date. A text without a zone is UTC, as in avni-server,
// whatever the zone in which rules run.
func readInstant(value json.RawMessage) (time.Time, error) {
	switch kind := kindOf(value); kind {
	case "undefined", "null":
		return time.Time{}, nil
	case "a number":
		milliseconds, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return time.Time{}, failedResult("scheduledDateTime must be whole milliseconds, but it is %q", value)
		}
		return plausible(time.UnixMilli(milliseconds).UTC(), string(value))
	case "a text":
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return time.Time{}, failedResult("scheduledDateTime: %v", err)
		}
		return parseInstant(strings.TrimSpace(text))
	default:
		return time.Time{}, failedResult("scheduledDateTime must be a date, but it is %s", kind)
	}
}

// dateJSON is how JSON.stringify writes a Date.
const dateJSON = "2006-01-02T15:04:05.000Z"

func parseInstant(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if len(text) == len(dateJSON) { // a Date, nearly always
		if at, err := time.Parse(dateJSON, text); err == nil {
			return plausible(at, text)
		}
	}
	groups := instantPattern.FindStringSubmatch(text)
	if groups == nil {
		return time.Time{}, failedResult("scheduledDateTime %q is not an ISO 8601 date such as 2024-05-01T10:00:00+05:30; return a Date or a moment", truncate(text, 40))
	}
	number := func(group, missing int) int {
		if groups[group] == "" {
			return missing
		}
		n, _ := strconv.Atoi(groups[group])
		return n
	}
	month, day, hour, minute, second := number(groupMonth, 1), number(groupDay, 1), number(groupHour, 0), number(groupMinute, 0), number(groupSecond, 0)
	at := time.Date(number(groupYear, 0), time.Month(month), day, hour, minute, second, 0, time.UTC)
	if int(at.Month()) != month || at.Day() != day || at.Hour() != hour || at.Minute() != minute || at.Second() != second {
		return time.Time{}, failedResult("scheduledDateTime %q does not exist", truncate(text, 40))
	}
	at = at.AddDate(0, 0, number(groupYearDay, 1)-1)
	if groups[groupWeek] != "" {
		at = weekStart(at.Year()).AddDate(0, 0, 7*(number(groupWeek, 1)-1)+number(groupWeekday, 1)-1).Add(at.Sub(at.Truncate(24 * time.Hour)))
	}
	at = at.Add(fraction(groups)).Add(-offset(groups[groupZone]))
	return plausible(at.Truncate(time.Millisecond), text)
}

// weekStart is the Monday of ISO week 1.
func weekStart(year int) time.Time {
	january4 := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
	return january4.AddDate(0, 0, -(int(january4.Weekday())+6)%7)
}

// fraction is the decimal fraction of the smallest part that is given.
func fraction(groups []string) time.Duration {
	if groups[groupFraction] == "" {
		return 0
	}
	part, _ := strconv.ParseFloat("0."+groups[groupFraction], 64)
	unit := time.Hour
	if groups[groupSecond] != "" {
		unit = time.Second
	} else if groups[groupMinute] != "" {
		unit = time.Minute
	}
	return time.Duration(part * float64(unit)).Round(time.Microsecond)
}

// offset reads Z, +05, +0530 or +05:30.
func offset(zone string) time.Duration {
	if zone == "" || zone == "Z" {
		return 0
	}
	digits := strings.ReplaceAll(zone[1:], ":", "") + "00"
	hours, _ := strconv.Atoi(digits[:2])
	minutes, _ := strconv.Atoi(digits[2:4])
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if zone[0] == '-' {
		return -d
	}
	return d
}

// plausible refuses years that PostgreSQL or a person could not mean.
func plausible(at time.Time, text string) (time.Time, error) {
	if at.Year() < 1900 || at.Year() > 9999 {
		return time.Time{}, failedResult("scheduledDateTime %q is in the year %d", truncate(text, 40), at.Year())
	}
	return at, nil
}
