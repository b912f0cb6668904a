package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// The process that streams is frozen while field workers save, and wakes up when another
// one has taken over. Nothing is lost or doubled, and the stream is not its own any more.
func TestLeaderFrozenUnderLoad(t *testing.T) {
	const subjects, lease = 500, 10 * time.Second
	p := newProgram(t, glifictest.Options{AnswerTime: 20 * time.Millisecond})
	p.sendNow(601, "Welcome subject", "Subject", 301, "Subject", "7001", `params.entity.firstName, 'home'`)
	p.sendNow(602, "Tell worker of enrolment", "ProgramEnrolment", 401, "User", "7002", `params.entity.individual.firstName, 'today'`)
	p.start()
	leader := p.now
	p.eventually(avnitest.Patience, func() string { return p.streams(leader) })
	p.start()
	standby := p.now
	p.noteMoves()

	want := map[string]int{message("919876543210", 7009, "Meena Kumari", "camp on Sunday"): 1}
	saving, explain := p.saveMeanwhile(subjects, want)
	defer explain()
	p.eventually(avnitest.Patience, func() string {
		if n := len(p.messages()); n < 50 {
			return fmt.Sprintf("%d messages", n)
		}
		return ""
	})
	frozen := time.Now()
	p.must(leader.command.Process.Signal(syscall.SIGSTOP))
	t.Cleanup(func() { _ = leader.command.Process.Signal(syscall.SIGCONT) })
	p.eventually(avnitest.Patience, func() string { return p.streams(standby) })
	if took := time.Since(frozen); took > lease+3*time.Second {
		t.Errorf("taken over after %s", took)
	}
	moves := p.count(`select count(*) from messenger.moved`)
	p.must(leader.command.Process.Signal(syscall.SIGCONT))
	p.eventually(avnitest.Patience, func() string {
		_, health, err := leader.get(t.Context(), "/health")
		if err != nil || !strings.Contains(health, "standby") {
			return fmt.Sprintf("woken: %s, %v", health, err)
		}
		return p.streams(standby)
	})
	saving.Wait()
	p.eventually(4*time.Minute, func() string {
		if left := p.count(`select count(*) from messenger.inbox`); left > 0 {
			return fmt.Sprintf("%d changes are left in the inbox", left)
		}
		return missing(want, p.messages())
	})
	if diff := cmp.Diff(want, p.messages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if n := p.count(`select count(*) from messenger.moved`); n <= moves {
		t.Error("the load was over before the leader woke up")
	}
	if n := p.count(`select count(*) from messenger.moved where back or id > $1 and holder not like $2`, moves, holderOf(standby)); n != 0 {
		t.Errorf("the position was moved %d times by who does not stream any more", n)
	}
	p.must(leader.stop(30 * time.Second))
	p.stop()
}

// streams returns "" if that process reads the slot and has the lease.
func (p *program) streams(s *sidecar) string {
	p.t.Helper()
	n := p.count(`select count(*) from messenger.position p join pg_replication_slots s on s.slot_name = p.slot
		where s.active and p.holder like $1 and p.lease_until > clock_timestamp()`, holderOf(s))
	if n != 1 {
		return fmt.Sprintf("process %d does not stream", s.command.Process.Pid)
	}
	return ""
}

// holderOf is a pattern for the name of a process in the lease.
func holderOf(s *sidecar) string { return fmt.Sprintf("%%:%d:%%", s.command.Process.Pid) }

// noteMoves makes the database note whenever the position moves, whose it is then, and
// whether it moves back, as it would for who has slept.
func (p *program) noteMoves() {
	p.t.Helper()
	_, err := p.db.Pool().Exec(p.t.Context(), `
		create table messenger.moved (id bigint generated always as identity, holder text, back boolean);
		create function messenger.note_move() returns trigger language plpgsql as $$
		begin
			if (old.lsn, old.fencing_token) is distinct from (new.lsn, new.fencing_token) then
				insert into messenger.moved (holder, back) values (new.holder, new.lsn < old.lsn);
			end if;
			return new;
		end $$;
		create trigger note_move after update on messenger.position for each row execute function messenger.note_move()`)
	p.must(err)
}
