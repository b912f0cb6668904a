package dispatch

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// ahead is a clock that can be put forward.
type ahead struct{ by atomic.Int64 }

func (a *ahead) now() time.Time           { return time.Now().Add(time.Duration(a.by.Load())) }
func (a *ahead) forward(by time.Duration) { a.by.Add(int64(by)) }

// calm are settings under which no answer comes too late.
func calm(o *Options) {
	o.Glific.Timeout, o.Settings.SendTimeout, o.Settings.Lease = avnitest.Patience, avnitest.Patience, avnitest.Patience
}

// Glific answers with something else than it should, or loses what it knew: each phone
// gets its message once, and none is given up.
func TestOddAnswersLeadToOneMessageEach(t *testing.T) {
	const send, group = "createAndSendMessage", "createAndSendMessageToGroup"
	text500 := `"Internal Server Error"`
	for name, faults := range map[string][]glifictest.Fault{
		"token revoked": {
			{Operation: "sessionTemplate", Kind: glifictest.Unauthenticated}, {Operation: "contactByPhone", Kind: glifictest.Unauthenticated},
			{Operation: "optinContact", Kind: glifictest.Unauthenticated}, {Operation: "contactGroups", Kind: glifictest.Unauthenticated},
			{Operation: send, Kind: glifictest.Unauthenticated, Times: 2}, {Operation: group, Kind: glifictest.Unauthenticated}},
		"500 with a string, not done": {
			{Operation: send, Kind: glifictest.AnswerInstead, Status: 500, Body: text500, Times: 2}, {Operation: group, Kind: glifictest.AnswerInstead, Status: 500, Body: text500}},
		"500 with a string, done": {
			{Operation: send, Kind: glifictest.ExecuteThenFail, Status: 500, Body: text500, Times: 2}, {Operation: group, Kind: glifictest.ExecuteThenFail, Status: 500, Body: text500}},
		"HTML of a proxy, not done": {
			{Operation: send, Kind: glifictest.AnswerInstead, Status: 502}, {Operation: send, Kind: glifictest.AnswerInstead, Status: 503},
			{Operation: group, Kind: glifictest.AnswerInstead, Status: 504}},
		"HTML of a proxy, done": {
			{Operation: send, Kind: glifictest.ExecuteThenFail, Status: 502}, {Operation: send, Kind: glifictest.ExecuteThenFail, Status: 200},
			{Operation: group, Kind: glifictest.ExecuteThenFail, Status: 504}},
		"HTML to everything but sends": {
			{Operation: "login", Kind: glifictest.AnswerInstead, Status: 502}, {Operation: "sessionTemplate", Kind: glifictest.AnswerInstead, Status: 503},
			{Operation: "contactByPhone", Kind: glifictest.AnswerInstead, Status: 502}, {Operation: "optinContact", Kind: glifictest.ExecuteThenFail, Status: 502},
			{Operation: "contactGroups", Kind: glifictest.AnswerInstead, Status: 200}, {Operation: send, Kind: glifictest.LoseAnswer}, {Operation: "search", Kind: glifictest.AnswerInstead, Status: 200}},
		"truncated": {
			{Operation: "login", Kind: glifictest.TruncateBody}, {Operation: "optinContact", Kind: glifictest.TruncateBody}, {Operation: "contactGroups", Kind: glifictest.TruncateBody},
			{Operation: send, Kind: glifictest.TruncateBody, Times: 2}, {Operation: group, Kind: glifictest.TruncateBody}, {Operation: "search", Kind: glifictest.TruncateBody}},
		"exception, done":     {{Operation: send, Kind: glifictest.FailAfterwards, Times: 2}, {Operation: group, Kind: glifictest.FailAfterwards}},
		"exception, not done": {{Operation: send, Kind: glifictest.Refuse, Times: 2}, {Operation: group, Kind: glifictest.Refuse}, {Operation: "optinContact", Kind: glifictest.Refuse}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			for _, f := range faults {
				s.glific.Inject(f)
			}
			c := s.play(2)
			s.start(patient)
			s.end(c)
		})
	}
}

// Of several messages in one request Glific accepts the first two, and the connection is
// gone.
func TestSomeOfSeveralAliasesDone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	let := make(chan struct{})
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Until: let, Times: 2}) // so that others gather
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.CommitSome, Fields: 2})
	c := s.play(10)
	s.start(patient, calm)
	s.await("the others are ready to be sent", func() bool { return s.inState("sending") >= 10 })
	close(let)
	s.await("some of them are in doubt", func() bool { return s.inState(stateUncertain) > 0 })
	s.end(c)
	if n := s.largest("createAndSendMessage"); n < 3 {
		t.Errorf("at most %d messages were in one request: none of them was cut in two", n)
	}
}

// largest is how often at most an operation stood in one request.
func (s *stage) largest(operation string) (most int) {
	count := glifictest.Operation("asha", operation)
	for _, r := range s.glific.Requests() {
		most = max(most, count(r))
	}
	return most
}

// Amid the deliveries Glific restarts and knows no token any more.
func TestRestartOfGlificAmidDeliveries(t *testing.T) {
	for _, operation := range []string{"sessionTemplate", "contactByPhone", "contactGroups", "createAndSendMessage", "createAndSendMessageToGroup"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			let := make(chan struct{})
			s.glific.Inject(glifictest.Fault{Operation: operation, Until: let})
			c := s.play(2)
			s.start(patient)
			s.await("Glific is asked", func() bool { return s.asked(operation) > 0 })
			s.glific.Restart()
			close(let)
			s.end(c)
		})
	}
}

// Glific takes no more logins, or no more requests, in this minute: all waits for the
// next one.
func TestLimitsOfGlificAreWaitedOut(t *testing.T) {
	for name, test := range map[string]struct {
		options glifictest.Options
		ended   string // in which requests sessions end, so that logins are many
	}{
		"logins":   {glifictest.Options{LoginsPerMinute: 1}, "sessionTemplate contactByPhone createAndSendMessage createAndSendMessageToGroup"},
		"requests": {glifictest.Options{RequestsPerMinute: 6}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock ahead
			test.options.Now = clock.now
			s := newStageOf(t, test.options)
			for _, operation := range strings.Fields(test.ended) {
				s.glific.Inject(glifictest.Fault{Operation: operation, Kind: glifictest.Unauthenticated})
			}
			c := s.play(2)
			d, _ := s.start(patient, calm, func(o *Options) { o.Now, o.Glific.Now = clock.now, clock.now })
			pauses := 0
			s.await("the limit was reached twice, and everything is sent", func() bool {
				if len(d.Status()) == 2 && d.Status()[0].Paused == RateLimited && d.Status()[0].PausedUntil.After(clock.now()) {
					pauses++
					clock.forward(time.Minute)
					d.Wake(avnitest.AshaGramin)
				}
				return pauses >= 2 && s.unsent(c) == 0
			})
			s.end(c)
			if r := s.row(c.requests[0]); r.Attempts != 1 {
				t.Errorf("the limit is counted against the message: %+v", r)
			}
		})
	}
}

// A search that answers [] for contacts proves nothing, however long it does so.
func TestEmptySearchProvesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.asha.FailSearch(true)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.LoseAnswer, Times: 2})
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessageToGroup", Kind: glifictest.LoseAnswer})
	c := s.play(2)
	s.start(patient)
	s.await("the 3 whose answers were lost are in doubt", func() bool { return s.inState(stateUncertain) >= 3 })
	before := s.asked("search")
	s.await("Glific was asked again and again", func() bool { s.judge(); return s.asked("search") >= before+10 })
	if n := s.inState(stateUncertain, "claimed"); n < 3 {
		t.Errorf("%d messages are in doubt, want at least the 3 whose answers were lost", n)
	}
	s.asha.FailSearch(false)
	s.end(c)
}

// What an organisation may not do for a while waits, and is done once it may again.
func TestOrganisationThatIsStoppedAndBack(t *testing.T) {
	type knobs = *glifictest.Organisation
	for name, test := range map[string]struct {
		reason     Reason
		stop, back func(knobs)
	}{
		"suspended":             {OrganisationSuspended, func(o knobs) { o.Suspend(true) }, func(o knobs) { o.Suspend(false) }},
		"account paused":        {AccountSuspended, func(o knobs) { o.Pause(true) }, func(o knobs) { o.Pause(false) }},
		"not active":            {UnknownOrganisation, func(o knobs) { o.Deactivate(true) }, func(o knobs) { o.Deactivate(false) }},
		"without Gupshup":       {GupshupSettings, func(o knobs) { o.SetGupshup(false) }, func(o knobs) { o.SetGupshup(true) }},
		"with a role too low":   {RoleTooLow, func(o knobs) { o.SetRole("None") }, func(o knobs) { o.SetRole("Manager") }},
		"with a wrong password": {WrongPassword, func(o knobs) { o.SetPassword("another") }, func(o knobs) { o.SetPassword("glific-asha-pw") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			test.stop(s.asha)
			c := s.play(2)
			d, _ := s.start(patient)
			s.await("the organisation is paused", func() bool { return len(d.Status()) == 2 && d.Status()[0].Paused == test.reason })
			s.await("the pause is over and over again", func() bool { return s.asked("sessionTemplate")+s.asked("login") >= 3 })
			if n := len(s.glific.Ledger()); n != 0 {
				t.Errorf("%d messages were sent", n)
			}
			test.back(s.asha)
			s.end(c)
		})
	}
}
