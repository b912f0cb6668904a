package glific_test

import (
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
)

func TestMaySend(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	if err := s.MaySend(t.Context()); err != nil {
		t.Error(err)
	}
	s.asha.Suspend(true)
	wantError(t, s.MaySend(t.Context()), glific.Wait, glific.OrganisationSuspended)
	until := s.clock.Now().Add(3 * time.Hour).Truncate(time.Second)
	s.asha.SuspendUntil(until)
	e := wantError(t, s.MaySend(t.Context()), glific.Wait, glific.OrganisationSuspended)
	if !strings.Contains(e.Text, until.Local().Format("2006-01-02 15:04:05 MST")) {
		t.Errorf("%q does not say until when", e.Text)
	}
}
