package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheckMachine(t *testing.T) {
	const nowhere = "MESSENGER_DATABASE_URL=postgres://avni@127.0.0.1:1/openchs"
	for _, row := range []struct {
		environ     []string
		grade       grade
		what, text  string
		alsoMending string
	}{
		{[]string{"MESSENGER_REQUESTS_PER_MINUTE=180"}, gradeWarning, "MESSENGER_REQUESTS_PER_MINUTE", "180: Glific refuses more than 180 of one user", "MESSENGER_REQUESTS_PER_MINUTE=120"},
		{[]string{"MESSENGER_MESSAGES_PER_SECOND=10"}, gradeWarning, "MESSENGER_MESSAGES_PER_SECOND", "10: WhatsApp's provider", "MESSENGER_MESSAGES_PER_SECOND=2"},
		{nil, gradeOK, "pace", "2 messages a second and 120 requests a minute", ""},
		{[]string{"MESSENGER_DISPATCH=off"}, gradeWarning, "sending", "MESSENGER_DISPATCH is off", ""},
		{[]string{"MESSENGER_DRY_RUN=on", "MESSENGER_TEST_NUMBERS=+919876500001"}, gradeWarning, "sending", "MESSENGER_DRY_RUN is on: nothing is sent; MESSENGER_TEST_NUMBERS is set: only those (1)", ""},
		{[]string{"MESSENGER_RULES=off"}, gradeWarning, "rules", "MESSENGER_RULES is off", "MESSENGER_RULES=on"},
		{[]string{"MESSENGER_QUIET_HOURS=21:00-08:00"}, gradeOK, "sending", "quiet hours: 21:00-08:00", ""},
		{[]string{"MESSENGER_LISTEN=127.0.0.1:0"}, gradeOK, "MESSENGER_LISTEN", "free", ""},
		{[]string{"MESSENGER_LISTEN=203.0.113.7:80"}, gradeFailing, "MESSENGER_LISTEN", "no avni-messenger answers there", "Set MESSENGER_LISTEN to a free address"},
	} {
		found := newCheck(t, append(row.environ, nowhere)...).findings(t, "This machine")
		wantFinding(t, found, row.grade, row.what, row.text, row.alsoMending)
	}
}

func TestCheckListenerInUse(t *testing.T) {
	const nowhere = "MESSENGER_DATABASE_URL=postgres://avni@127.0.0.1:1/openchs"
	for answer, want := range map[string]struct {
		code  int
		grade grade
		text  string
	}{
		`{"status":"warning","version":"1.2","checks":[]}`: {200, gradeOK, "an avni-messenger answers: warning (1.2)"},
		`{"status":"failing","version":"1.2","checks":[{"name":"rules","status":"ok"},{"name":"database","status":"failing","detail":"it is away"}]}`: {503, gradeFailing, "and does not work: database: it is away"},
		`<html>another program</html>`: {200, gradeFailing, "no avni-messenger answers there"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(want.code)
			_, _ = w.Write([]byte(answer))
		}))
		found := newCheck(t, nowhere, "MESSENGER_LISTEN="+strings.TrimPrefix(server.URL, "http://")).findings(t, "This machine")
		wantFinding(t, found, want.grade, "MESSENGER_LISTEN", want.text)
		server.Close()
	}
}

// What only holds the port, and answers nobody, is told of in time.
func TestCheckListenerOfSomethingSilent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	found := newCheck(t, "MESSENGER_DATABASE_URL=postgres://avni@127.0.0.1:1/openchs", "MESSENGER_LISTEN="+listener.Addr().String()).findings(t, "This machine")
	wantFinding(t, found, gradeFailing, "MESSENGER_LISTEN", "no avni-messenger answers there")
}
