package main

import (
	"fmt"
	"slices"
	"time"

	"avni-messenger/internal/history"
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
	case s.ours && g.Slot != "":
		s.awaitOwnership(found.owned)
	}
}

// awaitOwnership holds an organisation until it is ours.
func (s *standing) awaitOwnership(rows []ownedRow) {
	var owned ownedRow // nobody's
	if i := slices.IndexFunc(rows, func(o ownedRow) bool { return o.OrganisationID == s.rules.ID }); i >= 0 {
		owned = rows[i]
	}
	if owned.Mode == s.Mode && owned.Settled {
		return
	}
	s.settling = true
	if owned.Mode != s.Mode && owned.Mode != "" {
		s.Held = fmt.Sprintf("another process serves it in mode %s", owned.Mode)
		s.Fix = "Give all processes the same modes (MESSENGER_ORGANISATIONS and MESSENGER_MODE). This one goes on once that one has stopped."
		return
	}
	s.Held = "avni-server may not have finished yet what it had begun to write and send before: " + owned.waits()
	s.Fix = fmt.Sprintf("Nothing is to be done: it goes on by itself within seconds after they have ended, however long they take. "+
		"Only those that have neither written anything nor used the queue are waited for no longer than %.0f minutes. "+
		"Do not end a session of avni-server for it: what that has sent by then is not marked, and would be sent again.", settleLimit.Minutes())
}

// text says what happened.
func (h holdRow) text() string {
	return fmt.Sprintf("%s; held since %s", history.HoldText(string(h.Kind), h.Detail), clock(h.Since))
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
		return "See to it that avni-server neither evaluates rules nor sends for it: enableMessaging false in the organisation's settings; if it is, that nobody else marks its requests as sent."
	}
	return "See to it that avni-server does not evaluate its rules: enableMessaging false in the organisation's settings."
}
