package dispatch

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

// line is one line of the log.
type line map[string]any

// explains checks that a line says what happened for a reason and what to do about it.
func (l line) explains(t *testing.T, reason Reason) {
	t.Helper()
	text, _ := l["msg"].(string)
	if l["reason"] != string(reason) || l["fix"] != reason.Advice() || l["organisation"] != "asha_gramin" || !strings.Contains(text, reason.Text()) {
		t.Errorf("%s is told by %v", reason, l)
	}
}

// concerns is true of a line that names the request, alone or among others.
func (l line) concerns(id int64) bool {
	several, _ := l["request"].([]any)
	return l["request"] == float64(id) || slices.Contains(several, any(float64(id)))
}

// lines are those of the log that hold a text, in order.
func (b *logBook) lines(t *testing.T, text string) []line {
	t.Helper()
	var found []line
	for raw := range strings.Lines(b.String()) {
		var l line
		if err := json.Unmarshal([]byte(raw), &l); err != nil {
			t.Fatalf("%q is no line of the log: %v", raw, err)
		}
		if strings.Contains(raw, text) {
			found = append(found, l)
		}
	}
	return found
}

// outcomes are those by which the reasons of a class are told of, one request at a time.
var outcomes = map[Class]outcome{
	ClassPassing: passing, ClassAuthor: refused, ClassReceiver: refused, ClassConsent: refused, ClassConfig: refused,
	ClassUncertain: uncertain, ClassWithdrawn: withdrawn, ClassHeld: held, ClassEnded: refused, ClassUnderWay: underWay,
}

func TestLogExplainsEveryReason(t *testing.T) {
	for reason, meaning := range reasons {
		log := &logBook{}
		w := newWorker(Options{Log: slog.New(slog.NewJSONHandler(log, nil))}.withDefaults(), Organisation{ID: 101, Name: "asha_gramin"})
		if meaning.class == ClassOrganisation {
			w.pause(verdict{outcome: waiting, reason: reason, cause: "api.example.org: no"})
		} else {
			w.tell(&claim{Request: Request{ID: 921}}, verdict{outcome: outcomes[meaning.class], reason: reason, detail: "about Asha"})
		}
		lines := log.lines(t, "")
		if len(lines) != 1 {
			t.Errorf("%s is told by %d lines", reason, len(lines))
			continue
		}
		lines[0].explains(t, reason)
		if meaning.class == ClassOrganisation && lines[0]["err"] != "api.example.org: no" {
			t.Errorf("%s does not name its cause: %v", reason, lines[0])
		}
		if meaning.class != ClassOrganisation && !lines[0].concerns(921) {
			t.Errorf("%s does not name the request: %v", reason, lines[0])
		}
		if _, shown := lines[0]["err"]; meaning.class == ClassAuthor && shown != reason.isPlain() {
			t.Errorf("%s shows its detail: %v", reason, shown)
		}
	}
}

func TestEveryRequestThatIsNotSentIsExplained(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.render = func(_ context.Context, r Request) (Rendered, error) {
		if r.RuleID == workerRule {
			return Rendered{[]string{"Asha", " "}, "7002"}, nil
		}
		return sample[r.RuleID], nil
	}
	want := map[int64]Reason{
		s.queueRule(welcomeRule, noPhone, "Subject", noPhone):   NoPhone,
		s.queueRule(welcomeRule, badPhone, "Subject", badPhone): InvalidPhone,
		s.queueRule(workerRule, asha, "User", meena):            BadParameter,
		s.queueRule(welcomeRule, asha, "Subject", asha):         NotTestNumber,
		s.queueRule(welcomeRule, voided, "Subject", voided):     Withdrawn,
	}
	for range 2 {
		want[s.queueRuleAt(welcomeRule, ramesh, "Subject", ramesh, time.Now().Add(-5*24*time.Hour))] = Expired
	}
	for reason, change := range map[Reason]string{Withdrawn: "is_voided = true", SentElsewhere: "delivery_status = 'Sent'"} {
		id := s.queueRuleAt(welcomeRule, ramesh, "Subject", ramesh, time.Now().Add(time.Hour))
		s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state) values ($1, 101, 'waiting')`, id)
		s.exec(`update message_request_queue set `+change+` where id = $1`, id)
		want[id] = reason
	}
	s.start(func(o *Options) { o.Settings.TestNumbers = []Phone{rameshPhone} })
	told := func(id int64) []line {
		return slices.DeleteFunc(s.log.lines(t, "not sent"), func(l line) bool { return !l.concerns(id) })
	}
	for id, reason := range want {
		s.await("request is explained", func() bool { return len(told(id)) > 0 })
		lines := told(id)
		if len(lines) != 1 {
			t.Errorf("request %d is told of by %v", id, lines)
		}
		lines[0].explains(t, reason)
		plain := map[Reason]string{
			NoPhone: "subject 1003 has no phone number", BadParameter: "parameter 2 is empty",
			InvalidPhone: "the phone number of subject 1006 has 5 digits; a mobile number of region IN has 10",
		}
		if err, ok := plain[reason]; ok && lines[0]["err"] != err {
			t.Errorf("%s is told as %v, want %q", reason, lines[0]["err"], err)
		}
	}
}

func TestGlificsLinesNameTheOrganisation(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start(func(o *Options) {
		o.Glific.Log = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	s.awaitState(id, stateAccepted)
	lines := s.log.lines(t, "logged in at Glific")
	if len(lines) != 1 || lines[0]["organisation"] != "asha_gramin" {
		t.Errorf("the login is told by %v", lines)
	}
}
