package dispatch

import (
	"strings"
	"testing"

	"avni-messenger/dispatch/glific/glifictest"
)

// Glific can refuse what fits the template as it shows it: that is no reason to try again
// each time the template is looked at.
func TestRefusalThatTheTemplateDoesNotExplainIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.Refuse, Times: 1000,
		Text: "Please provide the right number of parameters for the template."})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start(impatient)
	s.awaitReason(id, stateRefused, ParameterCount)
	asked := s.calls("asha", "sessionTemplate")
	s.await("the template is looked at some more times", func() bool { return s.calls("asha", "sessionTemplate") >= asked+5 })
	if r := s.row(id); strings.Count(r.Outcomes, "refused") > 2 {
		t.Errorf("attempts: %s", r.Outcomes)
	}
	s.execOwn(`update messenger.attempt set at = at - interval '7 hours' where request_id = $1`, id)
	s.await("it is tried again after hours", func() bool { return strings.Count(s.row(id).Outcomes, "refused") > 2 })
}
