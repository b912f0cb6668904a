package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"avni-messenger/dispatch"
	"avni-messenger/dispatch/glific"
	"avni-messenger/rules"
)

// trialReport is what `rule test` says of one entity; with --json, as it stands.
type trialReport struct {
	Rule     *trialRule     `json:"rule,omitempty"` // nil: files only
	Entity   trialEntity    `json:"entity"`
	Notes    []string       `json:"notes,omitempty"`
	Schedule *trialSchedule `json:"schedule,omitempty"`
	Message  *trialMessage  `json:"message,omitempty"`
	Receiver trialReceiver  `json:"receiver"`
}

type trialRule struct {
	ID           int64  `json:"id"`
	UUID         string `json:"uuid"`
	Name         string `json:"name"`
	Organisation string `json:"organisation"`
	Voided       bool   `json:"voided"`
}

type trialEntity struct {
	Type         rules.EntityType `json:"type"`
	ID           int64            `json:"id"`
	UUID         string           `json:"uuid"`
	TypeName     string           `json:"typeName,omitempty"`
	Organisation string           `json:"organisation"`
	SavedAt      time.Time        `json:"savedAt"`
}

type trialSchedule struct {
	trialScript
	ShouldSend            json.RawMessage `json:"shouldSend,omitempty"` // as the rule gave it
	ShouldSendRead        string          `json:"shouldSendRead,omitempty"`
	Sends                 bool            `json:"sends"`
	ScheduledDateTime     json.RawMessage `json:"scheduledDateTime,omitempty"` // as the rule gave it
	ScheduledDateTimeRead string          `json:"scheduledDateTimeRead,omitempty"`
	DueAt                 *time.Time      `json:"dueAt,omitempty"` // UTC
	Outcome               string          `json:"outcome"`         // as in messenger.trigger_log
	Fate                  string          `json:"fate"`
}

type trialMessage struct {
	trialScript
	Parameters []trialParameter `json:"parameters"`
	Template   trialTemplate    `json:"template"`
}

type trialParameter struct {
	Text    string `json:"text"`
	Refused string `json:"refused,omitempty"`
}

type trialTemplate struct {
	ID       string `json:"id,omitempty"`
	Language string `json:"language,omitempty"`
	Status   string `json:"status,omitempty"`
	Text     string `json:"text,omitempty"` // with the parameters filled in
	Refused  string `json:"refused,omitempty"`
	Note     string `json:"note,omitempty"` // why the text is not known
}

type trialReceiver struct {
	Type    string `json:"type"`
	ID      int64  `json:"id"`
	Number  string `json:"number,omitempty"` // its last digits, unless all are wanted
	Refused string `json:"refused,omitempty"`
	Held    string `json:"held,omitempty"`
	Note    string `json:"note,omitempty"` // why it is not known
}

func (b *ruleBench) report(ctx context.Context, of trialOf, s trialStanding, rule rules.Rule, trial *rules.Trial) *trialReport {
	e := trial.Entity
	r := &trialReport{
		Entity: trialEntity{e.Type, e.ID, e.UUID, e.TypeName, s.label(), e.Modified.UTC()},
		Notes:  b.notes(of, s, rule, trial),
	}
	if rule.ID != 0 {
		r.Rule = &trialRule{rule.ID, rule.UUID, rule.Name, s.label(), rule.Voided}
	}
	preview := dispatch.Preview{Pool: b.pool, Organisation: s.dispatch}
	if run := trial.ScheduleRun; run.Done {
		teller := b.fateTeller(rule)
		r.Schedule = &trialSchedule{
			trialScript: newTrialScript(of.scheduleFile, rule.ScheduleRule, run),
			ShouldSend:  json.RawMessage(trial.Said.ShouldSend), ShouldSendRead: trial.Said.SendRead,
			ScheduledDateTime: json.RawMessage(trial.Said.ScheduledDateTime), ScheduledDateTimeRead: trial.Said.DateRead,
			Sends: run.Failure == nil && trial.Schedule.Send && !trial.Schedule.At.IsZero(),
			DueAt: moment(trial.Schedule.At), Outcome: trial.Fate.Outcome, Fate: teller.text(trial),
		}
	}
	if run := trial.MessageRun; run.Done {
		r.Message = &trialMessage{
			trialScript: newTrialScript(of.messageFile, rule.MessageRule, run),
			Parameters:  []trialParameter{},
			Template:    trialTemplate{ID: rule.TemplateID},
		}
		for i, text := range trial.Parameters {
			r.Message.Parameters = append(r.Message.Parameters, trialParameter{text, refusalText(dispatch.RefuseParameter(i+1, text))})
		}
		if run.Failure == nil && rule.ID != 0 {
			r.Message.Template = b.template(ctx, of, s, preview, rule, trial.Parameters)
		}
	}
	r.Receiver = b.receiver(ctx, of, preview, trial)
	return r
}

func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// notes say what would be otherwise in life.
func (b *ruleBench) notes(of trialOf, s trialStanding, rule rules.Rule, trial *rules.Trial) []string {
	var notes []string
	if trial.NotRun != "" {
		notes = append(notes, "in life the rule would not be run, and no message be sent: "+trial.NotRun)
	}
	if trial.Entity.Type == rules.User {
		notes = append(notes, "in life a rule about users is run only when a user is made")
	}
	for _, p := range trial.Paused {
		if of.file(p.Script) != "" {
			continue // saving the new text ends the pause
		}
		notes = append(notes, fmt.Sprintf("in life the %s rule is not run for now: it is paused since %s, after %s",
			p.Script, b.local(p.Since), counted(p.Failures, "failure", "failures")))
	}
	if note := s.inLife(); note != "" {
		notes = append(notes, note)
	}
	if rule.ID == 0 {
		notes = append(notes, "there is no rule in Avni: taken is a rule to the "+strings.ToLower(rule.ReceiverType)+", without a template")
	}
	return notes
}

// glificPatience is how long Glific may take to tell of a template.
const glificPatience = 15 * time.Second

func (b *ruleBench) template(ctx context.Context, of trialOf, s trialStanding, preview dispatch.Preview, rule rules.Rule, parameters []string) trialTemplate {
	t := trialTemplate{ID: rule.TemplateID}
	switch {
	case of.noGlific:
		return t
	case !s.account:
		t.Note = "Glific cannot be asked: " + s.trouble
		return t
	}
	ctx, cancel := context.WithTimeout(ctx, glificPatience)
	defer cancel()
	got, refusal, err := preview.Template(ctx, rule.TemplateID, len(parameters), glific.Options{RequestsPerMinute: b.cfg.RequestsPerMinute})
	var invalid *dispatch.Refusal
	switch {
	case errors.As(err, &invalid):
		t.Refused = refusalText(invalid)
	case err != nil:
		t.Note = "Glific did not tell: " + err.Error()
	default:
		t.Language, t.Status, t.Refused = got.Language, strings.ToLower(got.Status), refusalText(refusal)
		t.Text = dispatch.Fill(got.Body, parameters)
	}
	return t
}

func (b *ruleBench) receiver(ctx context.Context, of trialOf, preview dispatch.Preview, trial *rules.Trial) trialReceiver {
	to := trialReceiver{Type: trial.ReceiverType, ID: trial.ReceiverID}
	if to.Type == "" {
		to.Note = "the rule has none"
		return to
	}
	number, err := preview.Number(ctx, to.Type, to.ID)
	var refusal *dispatch.Refusal
	switch {
	case errors.As(err, &refusal):
		to.Refused = refusalText(refusal)
		return to
	case err != nil:
		to.Note = explain(err, b.cfg).Error()
		return to
	}
	to.Number = number.String()
	if of.showNumbers {
		to.Number = "+" + string(number)
	}
	if held := b.cfg.deliverySettings().Hold(number); held != nil {
		to.Held = held.Reason.Text()
	}
	return to
}

// refusalText is what delivery would say, "" of nil.
func refusalText(r *dispatch.Refusal) string {
	switch {
	case r == nil:
		return ""
	case r.Detail == "":
		return r.Reason.Text()
	}
	return r.Detail + " (" + string(r.Reason) + ")"
}

// local is a moment in MESSENGER_TIMEZONE.
func (b *ruleBench) local(at time.Time) string {
	return at.In(b.cfg.Timezone.Location()).Format("2006-01-02 15:04:05 MST")
}
