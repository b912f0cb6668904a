//go:build monitoring || screenshots

package main

import (
	"io"
	"testing"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// newStory makes the surroundings of the demo's story, on a PostgreSQL of its own that
// limits what it keeps for slots. The program is not started yet.
func newStory(t testing.TB, extra ...string) (*program, *demo) {
	t.Helper()
	cluster, err := avnitest.StartCluster(t.Context(), avnitest.Options{Settings: map[string]string{"max_slot_wal_keep_size": "128MB"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	db, err := cluster.CreateDatabase(t.Context(), "story")
	if err != nil {
		t.Fatal(err)
	}
	story := &demo{screen: newScreen(io.Discard), db: db, events: newEvents(), seen: seen{verdicts: map[int64]bool{}}}
	p := newProgramAt(t, db, glifictest.Options{OnDelivery: story.arrived}, append([]string{"MESSENGER_POLL_INTERVAL=1s"}, extra...)...)
	story.avni, story.glific = p.avni, p.glific
	_, err = p.avni.Pool().Exec(t.Context(), `update message_request_queue set is_voided = true`) // what waits in the sample data is not of this story
	p.must(err)
	p.must(story.writeRules(t.Context()))
	return p, story
}
