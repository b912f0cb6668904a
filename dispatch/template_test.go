package dispatch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
)

// welcome is template 7001 as it should be.
var welcome = glifictest.Template{ID: 7001, Body: "Welcome {{1}} of {{2}}"}

// unfit are templates 7001 by which nothing can be sent; an id of 0 is none at all.
var unfit = map[Reason]glifictest.Template{
	TemplateNotFound:    {},
	TemplateNotApproved: {ID: 7001, Body: welcome.Body, Status: "REJECTED"},
	MediaTemplate:       {ID: 7001, Body: welcome.Body, Media: true},
	ParameterCount:      {ID: 7001, Body: "Welcome {{1}}"},
}

// setTemplate makes a template of Asha Gramin's what it is to be.
func (s *stage) setTemplate(t glifictest.Template) {
	if t.ID == 0 {
		s.asha.RemoveTemplate(7001)
		return
	}
	s.asha.AddTemplate(t)
}

// impatient looks templates up for every message.
func impatient(o *Options) { o.Settings.TemplateTTL = time.Millisecond }

func TestUnfitTemplateRefusesBeforeAnythingIsDoneAtGlific(t *testing.T) {
	for reason, template := range unfit {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.setTemplate(template)
			id := s.queueRule(welcomeRule, asha, "Subject", asha)
			s.start()
			if r := s.awaitReason(id, stateRefused, reason); r.Status != "Failed" || r.Outcomes != "refused" {
				t.Errorf("the request is %+v", r)
			}
			for _, operation := range []string{"contactByPhone", "optinContact", "createAndSendMessage"} {
				if n := s.calls("asha", operation); n != 0 {
					t.Errorf("%s was called %d times", operation, n)
				}
			}
		})
	}
}

func TestSwitchedOffTemplateIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	off := welcome
	off.Inactive = true
	s.setTemplate(off)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start()
	s.awaitReason(id, stateRefused, TemplateNotApproved)
}

func TestRefusedMessageGoesOutOnceItsTemplateFits(t *testing.T) {
	for reason, template := range unfit {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.setTemplate(template)
			id := s.queueRule(welcomeRule, asha, "Subject", asha)
			_, stop := s.start(impatient)
			s.awaitReason(id, stateRefused, reason)
			stop() // a process that begins later knows nothing of the template
			s.setTemplate(welcome)
			s.start(impatient)
			if r := s.awaitState(id, stateAccepted); r.Outcomes != "refused accepted" || r.Attempts != 1 {
				t.Errorf("the request is %+v", r)
			}
			s.wantOnce(id, ashaPhone)
		})
	}
}

func TestRefusedMessageWaitsForItsOwnNumberOfParameters(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.setTemplate(glifictest.Template{ID: 7001, Body: "{{1}}"})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start(impatient)
	s.awaitReason(id, stateRefused, ParameterCount)
	s.setTemplate(glifictest.Template{ID: 7001, Body: "{{1}} {{2}} {{3}}"})
	asked := s.calls("asha", "sessionTemplate")
	s.await("the template is looked up again", func() bool { return s.calls("asha", "sessionTemplate") >= asked+2 })
	if r := s.row(id); r.Outcomes != "refused" {
		t.Errorf("attempts: %s", r.Outcomes)
	}
}

func TestTemplateIsLookedUpOnceForMany(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var ids []int64
	for i := range int64(20) {
		ids = append(ids, s.queueRule(welcomeRule, 5000+i, "Subject", asha))
	}
	s.start(func(o *Options) { o.Settings.InFlight = 8 })
	for _, id := range ids {
		s.awaitState(id, stateAccepted)
	}
	if n := s.calls("asha", "sessionTemplate"); n != 1 {
		t.Errorf("the template was looked up %d times", n)
	}
}

func TestTemplateThatChangesIsToldOfOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	send := func(entity int64) int64 { return s.queueRule(welcomeRule, entity, "Subject", asha) }
	first := send(asha)
	s.start(impatient)
	s.awaitState(first, stateAccepted)
	s.setTemplate(unfit[TemplateNotFound])
	for i := range int64(3) {
		s.awaitReason(send(5000+i), stateRefused, TemplateNotFound)
	}
	s.setTemplate(glifictest.Template{ID: 7001, Body: "{{1}}"})
	s.awaitReason(send(6000), stateRefused, ParameterCount)
	want := []string{"APPROVED, TEXT, parameters: 2 → not there", "not there → APPROVED, TEXT, parameters: 1"}
	var got []string
	for _, l := range s.log.lines(t, "a template of Glific's has changed") {
		if l["template"] != 7001. || l["fix"] == "" || l["organisation"] != "asha_gramin" {
			t.Errorf("the change is told by %v", l)
		}
		got = append(got, fmt.Sprintf("%s → %s", l["was"], l["is"]))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the changes are told as %q, want %q", got, want)
	}
}

// Glific looks at the number of parameters itself; what it then says is newer than what
// was kept.
func TestRefusalByGlificHasTheTemplateLookedUpAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start()
	s.awaitState(first, stateAccepted)
	s.setTemplate(unfit[ParameterCount])
	second := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	s.awaitReason(second, stateRefused, ParameterCount)
	s.setTemplate(welcome)
	s.awaitState(second, stateAccepted)
}
