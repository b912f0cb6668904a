package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// stray is an entry of MESSENGER_ORGANISATIONS that cannot be followed.
type stray struct {
	Reason string
	Fix    string
	// unknown is the name, and what it may be meant to be, if no organisation has it.
	// Some organisation is not named then that should be.
	unknown string
}

// strayName is the stray of a name or id that no organisation has.
func strayName(name string, rows []organisationRow, named map[int32]Mode) stray {
	s := stray{
		Reason:  fmt.Sprintf("%q is no organisation of this database (looked for in organisation.db_user and organisation.id)", name),
		Fix:     fmt.Sprintf("Correct %q in MESSENGER_ORGANISATIONS, or take it out, and restart; `select id, db_user from organisation;` lists what can be named.", name),
		unknown: fmt.Sprintf("%q", name),
	}
	if near, ok := nearestOrganisation(name, rows, named); ok {
		s.Reason += "; the nearest is " + near
		s.unknown += " (the nearest is " + near + ")"
	}
	return s
}

// strayTwin is the stray of an organisation that is named in both ways.
func strayTwin(label string, stays, ignored Mode) stray {
	return stray{
		Reason: fmt.Sprintf("%s is named by db_user and by id: %s stays in force, %s is ignored", label, stays, ignored),
		Fix:    "Take one of the two out of MESSENGER_ORGANISATIONS, and restart.",
	}
}

// nearestOrganisation returns what a misspelt db_user, name or id most probably means:
// rather an organisation that is not named than one that is.
func nearestOrganisation(name string, rows []organisationRow, named map[int32]Mode) (string, bool) {
	unnamed := slices.DeleteFunc(slices.Clone(rows), func(row organisationRow) bool { _, ok := named[row.ID]; return ok })
	isID := isNumber(name)
	for _, candidates := range [][]organisationRow{unnamed, rows} {
		texts := make([]string, len(candidates))
		for i, row := range candidates {
			texts[i] = strings.ToLower(row.DBUser)
			if isID {
				texts[i] = strconv.Itoa(int(row.ID))
			}
		}
		near, ok := nearest(strings.ToLower(name), texts)
		if !ok || isID && len(name) == 1 { // a digit is as near as any other
			continue
		}
		row := candidates[slices.Index(texts, near)]
		if isID {
			return fmt.Sprintf("%d, %s", row.ID, row.DBUser), true
		}
		return row.DBUser, true
	}
	return "", false
}

func isNumber(text string) bool {
	_, err := strconv.Atoi(text)
	return err == nil
}

// unknownNames joins the names that no organisation has, or returns "".
func unknownNames(strays []stray) string {
	var names []string
	for _, s := range strays {
		if s.unknown != "" {
			names = append(names, s.unknown)
		}
	}
	return strings.Join(names, ", ")
}

// mayBeMeant holds an organisation that follows MESSENGER_MODE only because
// MESSENGER_ORGANISATIONS does not name it: as long as a name there is unknown, this may
// be the organisation that was to be kept from that mode.
func (s *standing) mayBeMeant(unknown string) {
	s.doubtful, s.wanted = true, "names of organisations of this database"
	s.Held = fmt.Sprintf("MESSENGER_ORGANISATIONS names %s, which this database does not have: "+
		"this organisation may be meant, and would follow MESSENGER_MODE=%s", unknown, s.Mode)
	s.Fix = "Correct that name in MESSENGER_ORGANISATIONS, or take it out, or name this organisation there too, with the mode that it shall have, and restart. " +
		"Until then its changes wait, and none is lost."
}
