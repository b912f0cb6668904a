package cdc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Rows of the queue are named one by one, up to a limit; of other tables it is only told
// which organisation's have changed.
func TestBatchNamesRequests(t *testing.T) {
	b := newBatch()
	for _, c := range []Change{
		{Table: MessageRequestQueue, ID: 1, OrganisationID: 101}, {Table: MessageRequestQueue, ID: 2, OrganisationID: 101},
		{Table: MessageRequestQueue, ID: 1, OrganisationID: 101}, {Table: Concept, ID: 1, OrganisationID: 101}, {Table: Concept, ID: 2, OrganisationID: 101},
	} {
		b.addReference(c, false, 1)
	}
	s := &session{batch: b, store: &store{holder: "me"}}
	if diff := cmp.Diff([]string{"me message_request_queue 101", "me concept 101"}, s.notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	want := []Change{{Table: MessageRequestQueue, ID: 1, OrganisationID: 101}, {Table: MessageRequestQueue, ID: 2, OrganisationID: 101}, {Table: Concept, ID: 2, OrganisationID: 101}}
	if diff := cmp.Diff(want, b.takeReferences()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	for i := range int64(3 * maxRequests) {
		b.addReference(Change{Table: MessageRequestQueue, ID: i + 1, OrganisationID: 101 + int32(i%2)}, false, 1)
	}
	if n := len(b.takeReferences()); n != maxRequests+2 {
		t.Errorf("%d changes are kept, want the limit and one for each organisation", n)
	}
}
