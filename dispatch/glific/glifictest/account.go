package glifictest

// role is a rank: a higher one may do all that a lower one may.
type role int

const (
	none role = iota
	staff
	manager
	admin
)

func roleOf(label string) role {
	switch label {
	case "Staff":
		return staff
	case "Manager":
		return manager
	case "Admin", "Glific_admin":
		return admin
	default:
		return none
	}
}

func (x *execution) currentUser(arguments) (any, error) { return object{"user": x.user()}, nil }

func (x *execution) user() object {
	u := x.organisation.user
	var restricted any // null for staff
	if roleOf(u.role) > staff {
		restricted = u.restricted
	}
	return object{
		"id":           "1",
		"name":         u.name,
		"phone":        u.phone,
		"roles":        []string{u.role},
		"isRestricted": restricted,
		"language":     language(u.locale()),
		"organization": func() any { return x.describe() },
	}
}

func (x *execution) organization(arguments) (any, error) {
	return object{"organization": x.describe()}, nil
}

func (x *execution) describe() object {
	o := x.organisation
	return object{
		"id":             "1",
		"name":           o.name,
		"shortcode":      o.name,
		"status":         "ACTIVE",
		"isActive":       true,
		"isApproved":     true,
		"timezone":       "Asia/Kolkata",
		"isSuspended":    o.suspended,
		"suspendedUntil": seconds(o.suspendedUntil),
	}
}

// SetHindi gives the API user the language Hindi: some error texts are translated then.
func (o *Organisation) SetHindi(hindi bool) {
	defer o.lock()()
	o.user.hindi = hindi
}

func (u apiUser) locale() string {
	if u.hindi {
		return "hi"
	}
	return "en"
}

// hindi are the errors that Glific has in Hindi; the others stay English. The words are
// not Glific's, but as there, missing media and wrong parameters read the same.
var hindi = map[string]string{
	"Unauthorized": "अनुमति नहीं है",
	"Please provide the right number of parameters for the template.": "कृपया मापदंडों की सही संख्या दें।",
	"Please provide media for media template.":                        "कृपया मापदंडों की सही संख्या दें।",
	"Contact status is not valid.":                                    "संपर्क की स्थिति सही नहीं है।",
	"Cannot send hsm message to contact, invalid BSP status.":         "बीएसपी स्थिति के कारण संदेश नहीं भेजा जा सकता।",
	"Cannot send hsm message to contact, not opted in.":               "संपर्क की सहमति के बिना संदेश नहीं भेजा जा सकता।",
}

// translate is an error's text in the user's language.
func (u apiUser) translate(text string) string {
	if translated, ok := hindi[text]; ok && u.hindi {
		return translated
	}
	return text
}
