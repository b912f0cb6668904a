package glific

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// Account is the API user of one organisation at Glific, as Avni keeps it in
// external_system_config. It prints and logs without the password.
type Account struct {
	BaseURL  string // such as https://api.asha.tides.coloredcow.com; the API is below it, at /api
	Phone    string // the API user's phone number as Glific stores it: digits with country code, no plus
	Password string
}

// String names the account without its secrets.
func (a Account) String() string {
	return fmt.Sprintf("%s as %s", redactURL(a.BaseURL), lastFour(a.Phone))
}

// GoString is String, so that no way of printing shows the password.
func (a Account) GoString() string { return a.String() }

// LogValue is String, for slog.
func (a Account) LogValue() slog.Value { return slog.StringValue(a.String()) }

// Site tells Glific's organisations apart, which number their contacts, templates and
// messages independently: the base URL without its secrets.
func (a Account) Site() string { return strings.TrimRight(redactURL(a.BaseURL), "/") }

// Host is all that error messages name of where Glific is looked for.
func (a Account) Host() string {
	u, err := url.Parse(a.BaseURL)
	if err != nil || u.Host == "" {
		return "(no host)"
	}
	return u.Host
}

// redactURL is the URL without user name, password, query and fragment.
func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(a URL that cannot be parsed)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// lastFour is all that may be shown of a phone number.
func lastFour(phone string) string {
	if len(phone) <= 4 {
		return "…"
	}
	return "…" + phone[len(phone)-4:]
}

// endpoint is the address of a path below the base URL.
func (a Account) endpoint(path string) string {
	return strings.TrimRight(a.BaseURL, "/") + path
}
