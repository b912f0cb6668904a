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
	return object{
		"id":           "1",
		"name":         u.name,
		"phone":        u.phone,
		"roles":        []string{u.role},
		"isRestricted": false,
		"organization": func() any { return x.describe() },
	}
}

func (x *execution) organization(arguments) (any, error) {
	return object{"organization": x.describe()}, nil
}

func (x *execution) describe() object {
	o := x.organisation
	return object{
		"id":          "1",
		"name":        o.name,
		"shortcode":   o.name,
		"status":      "ACTIVE",
		"isActive":    true,
		"isApproved":  true,
		"timezone":    "Asia/Kolkata",
		"isSuspended": o.suspended,
	}
}
