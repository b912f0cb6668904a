package main

import (
	"strings"
	"testing"
)

func TestSidecarSaysHowItEnded(t *testing.T) {
	var log lockedBuffer
	s, err := startSidecar(t.Context(), &log, "MESSENGER_MODE=fast")
	if s != nil || err == nil || !strings.Contains(err.Error(), "ended by itself: exit status 78") {
		t.Errorf("with a wrong configuration: %v", err)
	}
	if !strings.Contains(log.String(), "MESSENGER_MODE is") {
		t.Errorf("its log does not say why: %q", log.String())
	}

	s, err = startSidecar(t.Context(), &log, "MESSENGER_DATABASE_URL=postgres://nobody@127.0.0.1:1/none")
	if err != nil {
		t.Fatal(err)
	}
	watched, release := s.watched(t.Context())
	defer release()
	s.kill()
	<-watched.Done()
	if err := s.stop(0); err == nil || !strings.Contains(err.Error(), "ended by itself: signal: killed") {
		t.Errorf("stopping what was killed: %v", err)
	}
}
