package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// program is the whole of avni-messenger as a process (TestMain says which), on a database
// and a fake Glific of its own, for tests that treat it as an operator does.
type program struct {
	t      testing.TB
	db     *avnitest.DB
	avni   *avnitest.Avni
	glific *glifictest.Server
	extra  []string // variables on top of the usual ones
	binary string   // that is run; "": this one
	log    *os.File
	now    *sidecar
}

// newProgram makes the surroundings: avni-server's own messaging is off in them, and
// Glific knows no limits.
func newProgram(t testing.TB, options glifictest.Options, extra ...string) *program {
	t.Helper()
	return newProgramAt(t, avnitest.New(t), options, extra...)
}

// newProgramOn is newProgram on a server of its own, with settings of its own.
func newProgramOn(t testing.TB, server avnitest.Options, extra ...string) *program {
	t.Helper()
	cluster, err := avnitest.StartCluster(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	db, err := cluster.CreateDatabase(t.Context(), "own")
	if err != nil {
		t.Fatal(err)
	}
	return newProgramAt(t, db, glifictest.Options{}, extra...)
}

func newProgramAt(t testing.TB, db *avnitest.DB, options glifictest.Options, extra ...string) *program {
	t.Helper()
	p := &program{t: t, db: db, avni: db.Avni(), extra: extra}
	options.NoLimits = true
	glific, err := startSampleGlific(t.Context(), p.avni, options)
	p.must(err)
	p.glific = glific
	t.Cleanup(glific.Close)
	for _, organisation := range []int32{avnitest.AshaGramin, avnitest.SevaNepal} {
		p.must(p.avni.SetMessagingEnabled(t.Context(), organisation, false))
	}
	_, err = p.avni.Pool().Exec(t.Context(), `update message_request_queue set is_voided = true where message_receiver_id = 902`)
	p.must(err) // to a group that this Glific does not have
	p.log, err = os.Create(filepath.Join(t.TempDir(), "messenger.log"))
	p.must(err)
	t.Cleanup(p.showLog)
	return p
}

func (p *program) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) showLog() {
	p.log.Close()
	if p.t.Failed() {
		text, _ := os.ReadFile(p.log.Name())
		p.t.Logf("the program's log, its end:\n%s", text[max(0, len(text)-12_000):])
	}
}

// start starts the program and waits until it is healthy.
func (p *program) start() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	variables := append([]string{"MESSENGER_DATABASE_URL=" + p.db.URL(), "MESSENGER_MODE=full",
		"MESSENGER_MESSAGES_PER_SECOND=1000", "MESSENGER_REQUESTS_PER_MINUTE=100000"}, p.extra...)
	path, err := p.binary, error(nil)
	if path == "" {
		path, err = os.Executable()
	}
	p.must(err)
	p.now, err = startBinary(ctx, path, p.log, variables...)
	p.must(err)
	p.must(p.now.await(ctx, "/health", 200))
	p.t.Cleanup(p.now.kill) // of what may have been killed before: then it does nothing
}

// stop ends the program as systemd would.
func (p *program) stop() {
	p.t.Helper()
	p.must(p.now.stop(30 * time.Second))
}

// eventually waits until holds returns "", and fails with what it said last.
func (p *program) eventually(patience time.Duration, holds func() string) {
	p.t.Helper()
	avnitest.Eventually(p.t, patience, holds)
}

// count is the number that a query returns.
func (p *program) count(query string, args ...any) (n int) {
	p.t.Helper()
	p.must(p.db.Pool().QueryRow(p.t.Context(), query, args...).Scan(&n))
	return n
}

// messages counts what reached the phones: "phone template parameters" to times.
func (p *program) messages() map[string]int {
	counts := map[string]int{}
	for _, d := range p.glific.Ledger() {
		counts[message(d.Phone, d.TemplateID, d.Parameters...)]++
	}
	return counts
}

func message(phone string, template int, parameters ...string) string {
	return fmt.Sprintf("%s %d %q", phone, template, parameters)
}
