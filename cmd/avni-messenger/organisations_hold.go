package main

import (
	"fmt"
	"slices"
	"time"
)

// holdKind is what somebody else did. The texts are messenger.hold.kind and a metric label.
type holdKind string

const (
	foreignRequest holdKind = "foreign_request" // inserted a rule's request
	foreignSent    holdKind = "foreign_sent"    // marked a request Sent
)

// holdRow is a hold that is in force.
type holdRow struct {
	OrganisationID int32
	Kind           holdKind
	Since          time.Time
	RequestID      int64 // the first that was noticed
	Detail         string
}

const holdsSQL = `
select organisation_id, kind, since, request_id, detail from messenger.hold where released_at is null order by organisation_id`

// judgeOwnership holds an organisation for which somebody else was seen to write or send,
// until an operator releases it, and one that we do not own yet.
func (g guard) judgeOwnership(s *standing, found avniRows) {
	s.ours = s.Held == "" && (s.Mode == ModeFull || s.Mode == ModeDispatch)
	if s.Mode == ModeShadow || g.Overlook {
		return
	}
	hold := slices.IndexFunc(found.holds, func(h holdRow) bool { return h.OrganisationID == s.rules.ID })
	switch {
	case hold >= 0:
		s.Held, s.Fix = found.holds[hold].text(), found.holds[hold].fix(s)
	case s.ours && g.Slot != "" && !slices.ContainsFunc(found.owned, func(o ownedRow) bool { return o.settled(s) }):
		s.settling = true
		s.Held = "avni-server may not have finished yet what it had begun to write and send before: transactions of that time are still open"
		s.Fix = fmt.Sprintf("Nothing is to be done: it goes on once they have ended, after %.0f minutes at the latest.", settleLimit.Minutes())
	}
}

// text says what happened.
func (h holdRow) text() string {
	what := "somebody else, most likely avni-server, writes requests of rules too"
	if h.Kind == foreignSent {
		what = "somebody else, most likely avni-server, sends messages too"
	}
	return fmt.Sprintf("%s: %s; held since %s", what, h.Detail, h.Since.In(time.Local).Format("2006-01-02 15:04:05 MST"))
}

// fix says what to do about it. MESSENGER_SOLE_OWNER is a promise that was broken, so it
// is no way out.
func (h holdRow) fix(s *standing) string {
	return fmt.Sprintf("%s Then run `avni-messenger release %s`. Until then its changes and requests wait.", otherWriterOff(s.Mode, h.Kind), s.label())
}

// otherWriterOff says how the other writer is switched off.
func otherWriterOff(mode Mode, kind holdKind) string {
	const sender = "AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS=-1 in the environment of every avni-server on this database, each restarted since"
	switch {
	case mode == ModeDispatch:
		return "See to it that avni-server does not send: " + sender + "."
	case kind == foreignSent:
		return "See to it that avni-server neither evaluates rules nor sends for it: enableMessaging false in the organisation's settings."
	}
	return "See to it that avni-server does not evaluate its rules: enableMessaging false in the organisation's settings."
}
