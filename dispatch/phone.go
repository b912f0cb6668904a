package dispatch

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// Phone is a phone number as Glific stores it: E.164 without the plus. It prints and
// logs as its last four digits; string(p) is the number.
type Phone string

// errInvalidPhone carries no part of the text: errors reach logs.
var errInvalidPhone = errors.New("not a valid phone number")

// ParsePhone reads a number as avni-server does (libphonenumber's isValidNumber). The
// region, such as IN, is the country of numbers written without country code.
func ParsePhone(text, region string) (Phone, error) {
	number, err := phonenumbers.Parse(strings.Map(asciiDigit, text), region)
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return "", errInvalidPhone
	}
	return Phone(strings.TrimPrefix(phonenumbers.Format(number, phonenumbers.E164), "+")), nil
}

// phoneFault says what is wrong with a number that is not valid, without showing it.
func phoneFault(text, region string) string {
	digits := 0
	for _, r := range text {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	example := phonenumbers.GetExampleNumberForType(region, phonenumbers.MOBILE)
	switch {
	case digits == 0:
		return "has no digits"
	case strings.HasPrefix(strings.TrimSpace(text), "+"):
		return fmt.Sprintf("has %d digits with its country code, and there is no such number", digits)
	case example == nil:
		return fmt.Sprintf("has %d digits and no country code, and %q, the region of Avni's account, is no country", digits, region)
	}
	if usual := len(phonenumbers.GetNationalSignificantNumber(example)); digits != usual {
		return fmt.Sprintf("has %d digits; a mobile number of region %s has %d", digits, region, usual)
	}
	return fmt.Sprintf("has as many digits (%d) as a mobile number of region %s, but none there begins like it", digits, region)
}

// asciiDigit turns the digits of every script into ASCII: libphonenumber reads them,
// its port to Go does not. Unicode keeps each script's ten digits together.
func asciiDigit(r rune) rune {
	if r < utf8.RuneSelf || !unicode.IsDigit(r) {
		return r
	}
	for _, block := range unicode.Nd.R16 {
		if r >= rune(block.Lo) && r <= rune(block.Hi) {
			return '0' + (r-rune(block.Lo))%10
		}
	}
	return r
}

// String is the masked number.
func (p Phone) String() string {
	if len(p) <= 4 {
		return "…"
	}
	return "…" + string(p[len(p)-4:])
}

// GoString is String, so that no way of printing shows the number.
func (p Phone) GoString() string { return p.String() }

// LogValue is String, for slog.
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.String()) }
