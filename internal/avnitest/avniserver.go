package avnitest

import (
	"context"
	"errors"
	"time"
)

// AvniServer is avni-server's own messaging, for tests that run beside it: Save evaluates
// the rules of what it saves within the save's transaction (avni-server's
// MessageableAnnotationAspect and MessagingService), and SendDue is one run of the job that
// sends what is due (MessageSenderJob). Both do nothing for an organisation whose
// enableMessaging is not true. What avni-server does wrong, it does wrong too: a receiver or a
// request that somebody else has inserted meanwhile fails the whole save, all of an
// organisation's sends are one transaction, and a rule that fails ends those after it.
//
// It does not message new users, because avni-server has not done so since release 12.1.
//
// The fields are set before use. The methods may be called concurrently.
type AvniServer struct {
	Avni *Avni // in whose name it saves, see As

	// Evaluate is asked what a rule answers about an entity: the schedule rule, run by
	// rules-server. It is called within the transaction of the save, after the receiver was
	// inserted, so that a test can let something else happen there. An error is reported to
	// Bugsnag and ends the rules of that save, but not the save.
	Evaluate func(context.Context, ServerRule, ServerEntity) (ServerAnswer, error)

	// Send is asked to send a message: the message rule is run and Glific called. With nil the
	// row is marked Sent, with ErrNoPhone as avni-server marks one without a usable number, with
	// any other error Failed. It is called within the transaction of the run.
	Send func(context.Context, ServerMessage) error

	// SinceDays is AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS; 0 stands for avni-server's
	// default of 4, and -1 switches the sending off, as it does there.
	SinceDays int

	// Bugsnag is told of what avni-server swallows; may be nil.
	Bugsnag func(error)
}

// ServerRule is the part of a message_rule that avni-server evaluates by.
type ServerRule struct {
	ID           int64
	EntityType   string
	ReceiverType string
	ScheduleRule string
}

// ServerEntity is what was saved.
type ServerEntity struct {
	Type           string // Subject, ProgramEnrolment, Encounter or ProgramEncounter
	ID             int64
	OrganisationID int32
	SubjectID      int64
	CreatedBy      int64 // users.id
}

// ServerAnswer is what a schedule rule answers. With a zero At nothing is written, as when the
// rule names no time.
type ServerAnswer struct {
	Send bool
	At   time.Time
}

// ServerMessage is a row of message_request_queue that is due.
type ServerMessage struct {
	RequestID       int64
	OrganisationID  int32
	RuleID          int64 // 0: a manual message
	ManualMessageID int64 // 0: a message of a rule
	EntityID        int64
	Receiver        Receiver
}

// ErrNoPhone is the error of a Send whose receiver has no usable phone number.
var ErrNoPhone = errors.New("no usable phone number")

func (s *AvniServer) swallow(err error) {
	if s.Bugsnag != nil {
		s.Bugsnag(err)
	}
}
