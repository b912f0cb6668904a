package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// instanceSettings is what of a process's environment decides about messages. It is
// stored where other processes read it, so it holds no secret and no phone number.
type instanceSettings struct {
	Organisations []servedOrganisation `json:"organisations"` // by db_user
	Dispatch      bool                 `json:"dispatch"`
	Variables     map[string]string    `json:"variables"`
}

type servedOrganisation struct {
	ID     int32  `json:"id"`
	DBUser string `json:"db_user"`
	Mode   Mode   `json:"mode"`
}

// sharedVariables are those that all processes that serve an organisation must agree on.
// MESSENGER_RULES and MESSENGER_DISPATCH are not among them: to evaluate here and to
// send there is a way to share the work.
var sharedVariables = []struct {
	name     string
	value    func(Config) string
	sending  bool   // means nothing where MESSENGER_DISPATCH is off
	unequal  string // what comes of it if two differ
	presence bool   // only whether it is set is noted
}{
	{name: "MESSENGER_TIMEZONE", value: func(c Config) string { return c.Timezone.String() },
		unequal: "a rule sees the local time of whichever runs it"},
	{name: "MESSENGER_SOLE_OWNER", value: func(c Config) string { return c.SoleOwner.String() },
		unequal: "one may send what the other holds back lest avni-server sends it too"},
	{name: "MESSENGER_RULES_CONFIG", value: func(c Config) string { return setOrNot(c.RulesConfig != "") },
		unequal: "a rule gets the rules-config of whichever runs it", presence: true},
	{name: "MESSENGER_STORM_LIMIT", value: func(c Config) string { return strconv.Itoa(c.StormLimit) },
		unequal: "one makes the messages that the other would hold"},
	{name: "MESSENGER_DRY_RUN", value: func(c Config) string { return c.DryRun.String() },
		unequal: "one sends what the other holds back", sending: true},
	{name: "MESSENGER_TEST_NUMBERS", value: func(c Config) string { return setOrNot(len(c.TestNumbers) > 0) },
		unequal: "one sends to everybody what the other holds back", sending: true, presence: true},
	{name: "MESSENGER_QUIET_HOURS", value: func(c Config) string { return c.QuietHours.String() },
		unequal: "one sends while the other waits", sending: true},
	{name: "AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS", value: func(c Config) string { return strconv.Itoa(c.SinceDays) },
		unequal: "one gives up what the other would send", sending: true},
}

func setOrNot(set bool) string {
	if set {
		return "set"
	}
	return "not set"
}

// newInstanceSettings returns the settings of a process that serves organisations so.
func newInstanceSettings(cfg Config, served []*standing) instanceSettings {
	s := instanceSettings{Dispatch: bool(cfg.Dispatch), Variables: make(map[string]string)}
	for _, one := range served {
		s.Organisations = append(s.Organisations, servedOrganisation{ID: one.rules.ID, DBUser: one.label(), Mode: one.Mode})
	}
	for _, v := range sharedVariables {
		s.Variables[v.name] = v.value(cfg)
	}
	return s
}

// instance is another process that runs.
type instance struct {
	holder   string // host:pid:random
	slot     string
	settings instanceSettings
}

// name is the process as an operator finds it.
func (i instance) name() string {
	return i.holder[:max(0, strings.LastIndex(i.holder, ":"))]
}

// differences says what about the other process may lose messages or send those that
// shall not be sent, in sentences; nil if nothing does. Processes of another slot share
// inbox and queue all the same, so they must agree on the organisations that both serve.
func (s instanceSettings) differences(slot string, other instance) []string {
	said := s.modeDifferences(slot == other.slot, other)
	if slot != other.slot && !s.sharesOrganisation(other.settings) {
		return said
	}
	for _, v := range sharedVariables {
		ours, theirs := s.Variables[v.name], other.settings.Variables[v.name]
		if theirs == "" || theirs == ours || v.sending && !(s.Dispatch && other.settings.Dispatch) {
			continue // "": a version that does not know it
		}
		verb := "="
		if v.presence {
			verb = " "
		}
		said = append(said, fmt.Sprintf("process %s has %s%s%s, this one %s: %s", other.name(), v.name, verb, theirs, ours, v.unequal))
	}
	return said
}

// modeDifferences compares how organisations are served. One that only one of two
// processes of a slot serves loses the changes that the other one reads, unless
// avni-server runs its rules.
func (s instanceSettings) modeDifferences(sameSlot bool, other instance) []string {
	type pair struct{ ours, theirs Mode }
	var order []pair
	named := make(map[pair][]string)
	note := func(name string, p pair) {
		if p.ours == p.theirs || !sameSlot && (p.ours == ModeNone || p.theirs == ModeNone) ||
			p == (pair{ModeDispatch, ModeNone}) || p == (pair{ModeNone, ModeDispatch}) {
			return
		}
		if named[p] == nil {
			order = append(order, p)
		}
		named[p] = append(named[p], name)
	}
	for _, one := range s.Organisations {
		note(one.DBUser, pair{one.Mode, other.settings.mode(one.ID)})
	}
	for _, one := range other.settings.Organisations {
		if s.mode(one.ID) == ModeNone {
			note(one.DBUser, pair{ModeNone, one.Mode})
		}
	}
	var said []string
	for _, p := range order {
		said = append(said, describeModes(other.name(), fewOf(named[p]), p.ours, p.theirs))
	}
	return said
}

func describeModes(process, organisations string, ours, theirs Mode) string {
	switch ModeNone {
	case theirs:
		return fmt.Sprintf("process %s does not serve %s, this one does in mode %s: what changes while that one reads the slot is lost", process, organisations, ours)
	case ours:
		return fmt.Sprintf("process %s serves %s in mode %s, this one does not: what changes while this one reads the slot is lost", process, organisations, theirs)
	}
	return fmt.Sprintf("process %s serves %s in mode %s, this one in mode %s: whichever is first evaluates a change, and sends or does not", process, organisations, theirs, ours)
}

// mode is how an organisation is served: ModeNone if it is not.
func (s instanceSettings) mode(organisationID int32) Mode {
	i := slices.IndexFunc(s.Organisations, func(o servedOrganisation) bool { return o.ID == organisationID })
	if i < 0 {
		return ModeNone
	}
	return s.Organisations[i].Mode
}

func (s instanceSettings) sharesOrganisation(other instanceSettings) bool {
	return slices.ContainsFunc(s.Organisations, func(o servedOrganisation) bool { return other.mode(o.ID) != ModeNone })
}

// fewOf names the first of many.
func fewOf(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
