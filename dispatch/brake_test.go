package dispatch

import (
	"testing"
	"time"
)

func TestPausesOfGlific(t *testing.T) {
	b := brake{short: 5 * time.Second, long: 10 * time.Minute}
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	pull := func(v verdict) time.Duration {
		p, _ := b.pull(now, v)
		length := p.until.Sub(now)
		now = p.until
		return length
	}
	for i, want := range []time.Duration{5, 10, 20, 40, 80, 120, 120} {
		if got := pull(verdict{reason: Unreachable}); got != want*time.Second {
			t.Errorf("pause %d: %s, want %ds", i+1, got, want)
		}
	}
	if got := pull(verdict{reason: RateLimited, retryAfter: 17 * time.Second}); got != 17*time.Second {
		t.Errorf("pause as Glific says: %s", got)
	}
	if got := pull(verdict{reason: OrganisationSuspended}); got != 10*time.Minute {
		t.Errorf("pause until somebody acts: %s", got)
	}
	if p, tell := b.pull(now.Add(-time.Minute), verdict{reason: RateLimited, retryAfter: time.Second}); !p.until.Equal(now) || tell {
		t.Errorf("an answer that came in late has changed the pause by %s, told: %v", p.until.Sub(now), tell)
	}
	if p, ended := b.free(now, false); ended {
		t.Errorf("an answer to a question ended %+v", p)
	}
	if p, ended := b.free(now, true); !ended || p.reason != OrganisationSuspended {
		t.Errorf("an accepted send ended %+v, %v", p, ended)
	}
	if p, ended := b.free(now, true); ended {
		t.Errorf("a second one ended %+v", p)
	}
	if got := pull(verdict{reason: Unreachable}); got != 5*time.Second {
		t.Errorf("after a success: %s", got)
	}
}

func TestPauseIsToldOfAtOnceAndThenNowAndThen(t *testing.T) {
	begin := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	b, now := brake{short: 5 * time.Second, long: 10 * time.Minute}, begin
	refused, unknown := verdict{reason: Unreachable, cause: "host: connection refused"}, verdict{reason: Unreachable, cause: "host: no such host"}
	var told []time.Duration
	for now.Before(begin.Add(6 * time.Hour)) {
		p, tell := b.pull(now, refused)
		if tell {
			told = append(told, now.Sub(begin).Round(time.Minute))
		}
		if !p.since.Equal(begin) || p.cause != refused.cause {
			t.Fatalf("the pause is %+v", p)
		}
		now = p.until
	}
	if n := len(told); n < 9 || n > 12 || told[0] != 0 || told[1] > 2*time.Minute || told[n-1]-told[n-2] < time.Hour {
		t.Errorf("told after %v; want at once, after a minute or two, at the end once an hour", told)
	}
	p, tell := b.pull(now, unknown)
	if !tell || !p.since.Equal(begin) || p.cause != unknown.cause {
		t.Errorf("another cause: %+v, told: %v", p, tell)
	}
	now = p.until
	if p, tell = b.pull(now, verdict{reason: WrongPassword}); !tell || !p.since.Equal(now) {
		t.Errorf("another reason: %+v, told: %v", p, tell)
	}
	now = p.until
	b.free(now, true)
	if p, tell = b.pull(now, verdict{reason: WrongPassword}); !tell || !p.since.Equal(now) {
		t.Errorf("after a success: %+v, told: %v", p, tell)
	}
}
