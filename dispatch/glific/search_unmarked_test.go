package glific_test

import (
	"fmt"
	"testing"

	"avni-messenger/dispatch/glific"
)

// A Glific that does not keep send times cannot tell: its messages of the template may be
// ours.
func TestFindSentWithoutMarkers(t *testing.T) {
	const row = `{"data":{"search":[{"contact":{"id":"5"},"messages":[{"id":"1","templateId":%d,"isHsm":true,"sendAt":%s,"status":"sent","bspStatus":"SENT","insertedAt":"%s"}]}]}}`
	for said, want := range map[string]glific.Presence{
		fmt.Sprintf(row, 7001, `null`, "2026-11-20T06:31:00Z"):                   glific.Unknown,
		fmt.Sprintf(row, 7001, `null`, "2026-11-20T05:31:00Z"):                   glific.Absent, // long before
		fmt.Sprintf(row, 7002, `null`, "2026-11-20T06:31:00Z"):                   glific.Absent,
		fmt.Sprintf(row, 7001, `"2026-11-20T06:30:01Z"`, "2026-11-20T06:31:00Z"): glific.Absent,
	} {
		found, err := newFixedAnswer(t, said).FindSent(t.Context(), "5", 7001, sendTime)
		if err != nil || found.Presence != want {
			t.Errorf("found is %s, %v; want %s for %s", found.Presence, err, want, said)
		}
	}
}
