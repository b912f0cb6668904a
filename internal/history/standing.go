package history

import (
	"fmt"
	"time"

	"avni-messenger/dispatch"
)

// standing says where a request stands now, and what to do.
func (v *view) standing(r request) Standing {
	switch {
	case r.sent():
		return v.sentStanding(r)
	case r.Voided || r.State == "withdrawn":
		return v.withdrawnStanding(r)
	case r.settled():
		return v.refusedStanding(r)
	}
	return v.openStanding(r)
}

// sentStanding is that of a request that went out.
func (v *view) sentStanding(r request) Standing {
	if r.State != "accepted" {
		s := Standing{State: Sent, Text: "Avni says that it was sent. Avni-messenger did not send it; avni-server did, or somebody else, so that it is not known here whether it arrived."}
		if r.DeliveredAt != nil {
			s.Text = fmt.Sprintf("Avni says that it was sent at %s. Avni-messenger did not send it; avni-server did, or somebody else, so that it is not known here whether it arrived.", v.clock(*r.DeliveredAt))
		}
		if r.Reason == dispatch.SentElsewhere {
			s.Fix = sentence(r.Reason.Advice())
		}
		return s
	}
	text := "Glific accepted it"
	if r.AcceptedAt != nil {
		text += " at " + v.clock(*r.AcceptedAt)
	}
	if r.ReceiverType == "Group" {
		return Standing{State: Sent, Text: withDetail(text, r.Detail) + "."}
	}
	if r.MessageID != "" {
		text += " as message " + r.MessageID
	}
	return v.receiptStanding(r, text)
}

// receiptStanding adds what became of an accepted message.
func (v *view) receiptStanding(r request, text string) Standing {
	seen := ""
	if r.ReceiptAt != nil {
		seen = " (seen at " + v.clock(*r.ReceiptAt) + ")"
	}
	s := Standing{State: Sent}
	switch r.Receipt {
	case "delivered", "read":
		s.State, s.Text = Arrived, text+", and "+receipts[r.Receipt]+seen+"."
	case "error", "gone":
		why := withDetail(r.ReceiptReason.Text(), r.ReceiptDetail)
		if why == "" {
			why = receipts[r.Receipt]
		}
		s.State, s.Text, s.Fix = Failed, text+", but it did not arrive"+seen+": "+why+".", sentence(advice(r.ReceiptReason.Advice()))
	case "":
		s.Text = text + ". What became of it was not followed."
	default:
		s.Text = text + "; " + receipts[r.Receipt] + seen + "."
		if r.ReceiptReason != "" {
			s.Text += " " + sentence(r.ReceiptReason.Text())
			s.Fix = sentence(advice(r.ReceiptReason.Advice()))
		}
		if r.ReceiptNext != nil {
			s.Text += " Glific is asked what became of it at " + v.clock(*r.ReceiptNext) + "."
		} else {
			s.Text += " Glific is not asked any more."
		}
	}
	return s
}

func (v *view) withdrawnStanding(r request) Standing {
	if r.Reason == dispatch.Cancelled {
		s := Standing{State: Ended, Text: "Cancelled by hand: it is not sent, whatever its rule says.", Fix: fmt.Sprintf("avni-messenger requeue %d takes that back.", r.ID)}
		switch {
		case r.ReceiverType == "Group":
			s.Text = "Cancelled by hand: no member of the group gets it who has not had it."
		case r.RuleID == 0:
			s.Text = "Cancelled by hand: it is not sent."
		}
		if r.MaybeSent {
			s.Text = "Cancelled by hand, but a send of it had no answer: Glific is asked whether it has the message. It is not sent again."
		}
		return s
	}
	if r.MaybeSent {
		return Standing{State: Waiting, Text: "Withdrawn in Avni, but a send of it had no answer: Glific is asked whether it has the message. It is not sent again."}
	}
	text := "Withdrawn: it is not sent."
	if r.Reason != "" && r.Reason != dispatch.Withdrawn {
		text = "Withdrawn: " + withDetail(r.Reason.Text(), r.Detail) + "."
	}
	return Standing{State: Ended, Text: text, Fix: sentence(advice(r.Reason.Advice()))}
}

// again says what lets a refused request be tried again by itself; "" if nothing does. A
// manual message has no rule that could be edited, and a group no number and no consent.
func again(r request) string {
	class, group := r.Reason.Class(), r.ReceiverType == "Group"
	switch {
	case r.Reason.OfTemplate() && r.RuleID != 0:
		return "It is tried again by itself once the rule is edited or the template is changed"
	case r.Reason.OfTemplate():
		return "It is tried again by itself once the template is changed"
	case r.RuleID != 0 && (class == dispatch.ClassAuthor || class == dispatch.ClassConfig):
		return "It is tried again by itself once the rule is edited"
	case class == dispatch.ClassReceiver && !group:
		return "It is tried again by itself once they have another number in Avni"
	case class == dispatch.ClassConsent && !group:
		return "Glific is asked about the contact again once a day"
	}
	return ""
}

func (v *view) refusedStanding(r request) Standing {
	text := "Not sent: " + withDetail(r.Reason.Text(), r.Detail) + "."
	if r.Reason == dispatch.Expired {
		text = fmt.Sprintf("Not sent: it was due at %s, and what is overdue by more than %s is not sent any more.", v.clock(r.ScheduledAt), days(v.options.Window))
		if why := dispatch.Reason(r.Detail).Text(); why != "" {
			text += " It had waited because " + why + "."
		}
	}
	s := Standing{State: Failed, Fix: sentence(advice(r.Reason.Advice()))}
	if r.UpdatedAt != nil && r.Reason != dispatch.Expired {
		text = fmt.Sprintf("Not sent at %s: %s.", v.clock(*r.UpdatedAt), withDetail(r.Reason.Text(), r.Detail))
	}
	until := r.ScheduledAt.Add(v.options.Window)
	how := again(r)
	switch {
	case how != "" && until.After(v.now):
		text += fmt.Sprintf(" %s, until %s, when it is too old.", how, v.clock(until))
	case until.After(v.now):
		text += fmt.Sprintf(" It is not tried again by itself; avni-messenger requeue %d does so.", r.ID)
	default:
		text += fmt.Sprintf(" It is not tried again by itself; avni-messenger requeue %d --due-now does so.", r.ID)
	}
	s.Text = text
	return s
}

// openStanding is that of a request that is still to be sent.
func (v *view) openStanding(r request) Standing {
	due := v.clock(r.ScheduledAt)
	served, isServed := v.options.Served(r.OrganisationID)
	switch {
	case !isServed:
		return Standing{State: Held, Text: fmt.Sprintf("Due at %s. Organisation %s is not served by avni-messenger as it is configured here: it sends nothing for it.", due, v.label(r.OrganisationID)),
			Fix: "Name it in MESSENGER_ORGANISATIONS, or give it a Glific configuration in Avni."}
	case served.Mode == "shadow":
		return Standing{State: Shadow, Text: fmt.Sprintf("Due at %s. Organisation %s is in shadow mode: avni-server sends it, avni-messenger does not.", due, v.label(r.OrganisationID))}
	}
	blocked, isBlocked := v.sendingObstacle(r)
	switch {
	case isBlocked && r.ScheduledAt.After(v.now):
		return Standing{State: Held, Text: fmt.Sprintf("Not due before %s, and would then wait: %s", due, blocked.text), Fix: blocked.fix}
	case r.ScheduledAt.After(v.now):
		return Standing{State: Scheduled, Text: fmt.Sprintf("Not due before %s.", due)}
	case isBlocked:
		return Standing{State: Held, Text: fmt.Sprintf("Due since %s. %s", due, blocked.text), Fix: blocked.fix}
	case r.State == "uncertain" || r.MaybeSent && r.State != "sending":
		return Standing{State: Waiting, Text: sentence(withDetail(r.Reason.Text(), r.Detail)) + v.asked(r)}
	case r.ScheduledAt.Before(v.now.Add(-v.options.Window)):
		return Standing{State: Failed, Text: fmt.Sprintf("It was due at %s. What is overdue by more than %s is not sent any more: it is about to be marked as expired.", due, days(v.options.Window)),
			Fix: fmt.Sprintf("avni-messenger requeue %d --due-now sends it nevertheless.", r.ID)}
	}
	return v.dueStanding(r, due)
}

// dueStanding is that of a request that is due, and goes on by itself.
func (v *view) dueStanding(r request, due string) Standing {
	if nobody := v.nobodyRuns(); nobody != "" {
		return Standing{State: Held, Text: fmt.Sprintf("Due since %s, but %s.", due, nobody), Fix: nobodyRunsFix}
	}
	if r.Reason == dispatch.GroupUnderWay {
		return Standing{State: Waiting, Text: sentence(withDetail(r.Reason.Text(), r.Detail)),
			Fix: fmt.Sprintf("If it is not wanted any more: avni-messenger cancel %d. Who has not had it does not get it then.", r.ID)}
	}
	if r.NextAttempt != nil && r.State == "waiting" && r.Reason != "" && r.NextAttempt.After(v.now) {
		return Standing{State: Waiting, Text: fmt.Sprintf("Waits: it is tried again at %s, because %s.%s", v.clock(*r.NextAttempt), withDetail(r.Reason.Text(), r.Detail), tries(r)),
			Fix: sentence(advice(r.Reason.Advice()))}
	}
	if until, quiet := v.options.QuietHours.End(v.now); quiet {
		return Standing{State: Waiting, Text: fmt.Sprintf("Due since %s. Waits for quiet hours until %s.", due, v.clock(until))}
	}
	switch {
	case r.State == "sending" || r.State == "claimed":
		return Standing{State: Waiting, Text: "It is being sent at this moment."}
	case r.Reason != "" && r.State == "waiting":
		return Standing{State: Waiting, Text: fmt.Sprintf("Due since %s. Is about to be tried again; before, %s.%s", due, withDetail(r.Reason.Text(), r.Detail), tries(r)), Fix: sentence(advice(r.Reason.Advice()))}
	}
	return Standing{State: Waiting, Text: fmt.Sprintf("Due since %s. It is sent when its turn comes.", due)}
}

// asked says when Glific is asked again about a send without an answer.
func (v *view) asked(r request) string {
	if r.NextAttempt == nil || !r.NextAttempt.After(v.now) {
		return " Glific is about to be asked."
	}
	return " Glific is asked again at " + v.clock(*r.NextAttempt) + "."
}

func tries(r request) string {
	switch r.Attempts {
	case 0:
		return ""
	case 1:
		return " It has failed once so far."
	}
	return fmt.Sprintf(" It has failed %d times so far.", r.Attempts)
}

func days(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}
