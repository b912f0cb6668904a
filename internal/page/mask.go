package page

import (
	"regexp"
	"strings"
	"unicode"

	"avni-messenger/dispatch"
)

// number shows a phone number as far as this page may.
func (h *Handler) number(phone string) string {
	if phone == "" || !h.door.local {
		return phone
	}
	return dispatch.Phone(phone).String()
}

// masked is a text as far as this page may show it: without the phone numbers that may be
// in it. Everything goes through it that people wrote, or that holds what they wrote.
func (h *Handler) masked(text string) string {
	if !h.door.local {
		return text
	}
	var shown strings.Builder
	for text != "" {
		from, to := nextPlain(text)
		shown.WriteString(digits.ReplaceAllStringFunc(text[:from], lastFour))
		shown.WriteString(text[from:to])
		text = text[to:]
	}
	return shown.String()
}

// between is what people write between the digits of a phone number.
const between = separator + `{0,3}`

const separator = `[\p{Zs}\p{Pd}\p{Cf}\t\r\n().,/]`

// A day as people write it, a time of day, and some of both in a row. Where more digits adjoin
// they may be parts of a phone number.
const (
	day    = `(?:(?:0?[1-9]|[12][0-9]|3[01])/(?:0?[1-9]|1[0-2])/|(?:0[1-9]|[12][0-9]|3[01])(?:-(?:0[1-9]|1[0-2])-|\.(?:0[1-9]|1[0-2])\.))(?:19|20)[0-9]{2}`
	hour   = `(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?`
	moment = `(?:` + hour + separator + `{1,3})?` + day + `(?:` + separator + `{1,3}(?:` + day + `|` + hour + `))*`
)

var (
	// digits are what may be a phone number in a text, in any script's digits.
	digits = regexp.MustCompile(`\+?\p{Nd}(?:` + between + `\p{Nd}){6,}`)

	// plain is what looks like a number and is none: a uuid, a moment, a place in the WAL, and
	// ids, which are said to be one: request 12345678.
	plain = regexp.MustCompile(`(?i)\b(?:` +
		`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|` +
		`(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:[ T][0-2][0-9]:[0-5][0-9](?::[0-5][0-9])?)?|` +
		`(?:LSN|transaction|up to) [0-9a-f]{1,8}/[0-9a-f]{1,8}|` +
		`(requests [0-9]{1,9}(?:, [0-9]{1,9})+|` +
		`(?:requests?|rule|message|template|subject|programenrolment|encounter|programencounter|user|organisation|entity|requeue|cancel|explain)[ :][0-9]{7,9})|` +
		`(` + moment + `)` +
		`)\b`)

	// goesOn is more of a number than an id or a day has, and begun what a day would be the
	// end of.
	goesOn = regexp.MustCompile(`^[\p{Zs}\p{Pd}\p{Cf}\t\r\n().+/]{0,3}\p{Nd}`)
	begun  = regexp.MustCompile(`(?:\p{Nd}` + between + `|\+` + between + `)$`)
)

// nextPlain is where the next plain number of a text is; the end of it if there is none.
func nextPlain(text string) (from, to int) {
	for at := 0; ; {
		found := plain.FindStringSubmatchIndex(text[at:])
		if found == nil {
			return len(text), len(text)
		}
		from, to = at+found[0], at+found[1]
		isID, isMoment := found[2] >= 0, found[4] >= 0
		part := (isID || isMoment) && goesOn.MatchString(text[to:]) || isMoment && begun.MatchString(text[:from])
		if !part {
			return from, to
		}
		at = from + 1 // it begins with a letter or a digit
	}
}

// lastFour is what is shown of what may be a phone number.
func lastFour(found string) string {
	var all []rune
	for _, r := range found {
		if unicode.IsDigit(r) {
			all = append(all, r)
		}
	}
	return "…" + string(all[len(all)-4:])
}
