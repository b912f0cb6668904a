package main

import (
	"fmt"
	"slices"
	"strconv"

	"avni-messenger/dispatch"
	"avni-messenger/rules"
)

// guard is the part of the configuration that decides how organisations are served.
type guard struct {
	Mode      Mode
	Selection Selection
	SoleOwner bool
	Rules     bool
	Dispatch  bool
	// Slot names the processes that keep watch for other writers; "" in one that does not.
	Slot string
	// Overlook holds: for who changes what waits.
	Overlook bool
}

func (c Config) guard() guard {
	return guard{Mode: c.Mode, Selection: c.Organisations, SoleOwner: bool(c.SoleOwner), Rules: bool(c.Rules), Dispatch: bool(c.Dispatch)}
}

// standing is where one organisation stands: what is wanted for it, and what keeps it
// from that.
type standing struct {
	rules     rules.Organisation
	dispatch  dispatch.Organisation
	Mode      Mode
	Messaging bool // enableMessaging, avni-server's own switch

	// Held says why nothing is written and sent for the organisation although its mode
	// says so; "" if nothing is held back. Changes and requests wait meanwhile.
	Held string
	Fix  string // what to do about Held or Trouble
	// wanted is what there should be instead of Held or Trouble; "" of what checkMessaging and
	// checkHolds look at.
	wanted string
	// ours: nothing but a hold, or the wait for what avni-server has under way, keeps us
	// from writing or sending.
	ours     bool
	settling bool // it is only that wait
	// Trouble says what is wrong with an organisation that goes on nevertheless.
	Trouble string
	// doubtful: its mode itself is in doubt, so that its changes wait in any case.
	doubtful bool
}

func (s *standing) label() string { return s.rules.DBUser }

// snapshot is one immutable state of the directory.
type snapshot struct {
	standings []*standing // by db_user
	byID      map[int32]*standing
	departed  []departed
	strays    []stray // entries of MESSENGER_ORGANISATIONS that mean nothing
}

// assemble decides where every organisation stands. It is pure.
func (g guard) assemble(found avniRows) *snapshot {
	s := &snapshot{byID: make(map[int32]*standing)}
	if g.Selection.Nobody() {
		return s
	}
	named := g.match(found.organisations, s)
	unknown := unknownNames(s.strays)
	parents := make(map[int32]*int32, len(found.organisations))
	for _, row := range found.organisations {
		parents[row.ID] = row.Parent
	}
	for _, row := range found.organisations {
		mode, isNamed := named[row.ID]
		if !isNamed {
			mode = g.Mode
		}
		config, configured, fault := chooseGlific(row.ID, found.glific)
		if mode == ModeNone {
			continue
		}
		if !isNamed && (row.Voided || !configured) {
			s.departed = append(s.departed, unserved(row, fault))
			continue
		}
		one := newStanding(row, mode, lineage(row.ID, parents))
		one.dispatch.Glific = config.account
		if user, ok := findUser(config.systemUser, one.rules.VisibleIDs, found.users); ok {
			one.rules.AvniSystemUserID, one.dispatch.ActingUserID = user, user
		}
		if !isNamed && unknown != "" && mode != ModeShadow {
			one.mayBeMeant(unknown)
		} else {
			g.judge(one, row, config, configured, fault)
			g.judgeOwnership(one, found)
		}
		one.rules.Treatment, one.rules.Full = g.treatment(one), mode == ModeFull
		s.standings = append(s.standings, one)
		s.byID[row.ID] = one
	}
	return s
}

// match finds the organisations that MESSENGER_ORGANISATIONS names, by db_user or id.
func (g guard) match(rows []organisationRow, s *snapshot) map[int32]Mode {
	named := make(map[int32]Mode)
	var unknown []string
	for _, entry := range g.Selection.Named() {
		i := slices.IndexFunc(rows, func(row organisationRow) bool { return row.DBUser == entry.Name })
		if i < 0 {
			i = slices.IndexFunc(rows, func(row organisationRow) bool { return strconv.Itoa(int(row.ID)) == entry.Name })
		}
		if i < 0 {
			unknown = append(unknown, entry.Name)
			continue
		}
		if mode, taken := named[rows[i].ID]; taken {
			s.strays = append(s.strays, strayTwin(rows[i].DBUser, mode, entry.Mode))
			continue
		}
		named[rows[i].ID] = entry.Mode
	}
	for _, name := range unknown {
		s.strays = append(s.strays, strayName(name, rows, named))
	}
	return named
}

func newStanding(row organisationRow, mode Mode, visible []int32) *standing {
	return &standing{
		Mode:      mode,
		Messaging: row.Messaging,
		rules: rules.Organisation{ID: row.ID, Name: row.Name, DBUser: row.DBUser, UUID: row.UUID,
			VisibleIDs: visible, Treatment: rules.Ignore},
		dispatch: dispatch.Organisation{ID: row.ID, Name: row.DBUser, Region: row.Region, VisibleIDs: visible},
	}
}

// judge decides what, if anything, keeps an organisation from its mode, and what
// happens to its changes.
func (g guard) judge(s *standing, row organisationRow, config glificConfig, configured bool, fault *glificFault) {
	const configuration = "one Glific configuration that is not voided, with baseUrl, phone, password and avniSystemUser"
	switch {
	case row.Voided:
		s.Held, s.wanted, s.Fix = "the organisation is voided in Avni", "an organisation that is not voided", "Take it out of MESSENGER_ORGANISATIONS, and restart."
	case fault != nil:
		s.Held, s.wanted, s.Fix = fault.text, configuration, fault.fix
	case !configured:
		s.wanted = configuration
		s.Held = "it has no Glific configuration of its own (external_system_config with system_name Glific)"
		s.Fix = "Save its Glific settings in Avni's web app (no restart is needed), or take it out of MESSENGER_ORGANISATIONS and restart."
	case s.dispatch.ActingUserID == 0:
		s.wanted = "the username of one of its users, for whom messages are written and sent"
		s.Held = fmt.Sprintf("avniSystemUser %q of its Glific configuration is no user of the organisation", config.systemUser)
		s.Fix = "Put the username of a user of this organisation there, in the Glific settings of Avni's web app (avni-server needs it as well); no restart is needed."
	default:
		s.Held, s.Fix = g.messagingConflict(s)
	}
	if s.Mode == ModeShadow { // nothing is written or sent that could be held back
		s.Trouble, s.Held = s.Held, ""
		if s.Trouble == "" && !s.Messaging {
			s.Trouble = "enableMessaging is not true, so that avni-server neither evaluates its rules nor sends: nobody does"
			s.wanted = "enableMessaging true in mode shadow: what avni-server queues is compared with"
			s.Fix = "Set enableMessaging to true in the organisation's settings to have avni-server do both, or use mode full."
		}
	}
}

// messagingConflict says what in avni-server's own switch speaks against the mode, "" if
// nothing does, and what to do about it.
func (g guard) messagingConflict(s *standing) (held, fix string) {
	switch {
	case s.Mode == ModeFull && s.Messaging && !g.SoleOwner:
		return "enableMessaging is true, so avni-server runs the rules as well: both would write and send every message",
			"Set enableMessaging to false in the organisation's settings, or, if avni-server's messaging is off by other means, " +
				"set MESSENGER_SOLE_OWNER=true. Until then its changes wait, and none is lost."
	case s.Mode == ModeDispatch && !s.Messaging:
		return "enableMessaging is not true: messaging is switched off in Avni",
			"Set enableMessaging to true in the organisation's settings, or use mode full."
	}
	return "", ""
}

func (g guard) treatment(s *standing) rules.Treatment {
	switch {
	case s.Mode == ModeDispatch && !s.doubtful:
		return rules.Ignore // avni-server runs the rules
	case !g.Rules || s.Held != "":
		return rules.Wait
	case s.Mode == ModeShadow:
		return rules.Compare
	}
	return rules.Write
}

// delivers reports whether the organisation's queue is delivered by this process.
func (g guard) delivers(s *standing) bool {
	return g.Dispatch && s.Held == "" && (s.Mode == ModeFull || s.Mode == ModeDispatch)
}

// lineage returns the organisation and its ancestors, nearest first. A parent that is
// its own descendant ends it.
func lineage(id int32, parents map[int32]*int32) []int32 {
	line := []int32{id}
	for parent := parents[id]; parent != nil && !slices.Contains(line, *parent); parent = parents[*parent] {
		line = append(line, *parent)
	}
	return line
}

// findUser returns users.id of a user whom the organisation's database role can see
// (its own or an ancestor's): another one would make avni-server's web pages fail.
func findUser(username string, visible []int32, users []userRow) (int64, bool) {
	i := slices.IndexFunc(users, func(u userRow) bool {
		return u.OrganisationID != nil && slices.Contains(visible, *u.OrganisationID) && u.Username == username
	})
	if i < 0 {
		return 0, false
	}
	return users[i].ID, true
}
