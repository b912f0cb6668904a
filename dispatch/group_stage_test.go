package dispatch

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"avni-messenger/internal/avnitest"
)

// fellows are people with a phone number each: Avni's subjects and Glific's contacts.
type fellows struct {
	phones   []string
	contacts []string
}

// body is what the n-th of them gets by namedTemplate.
func (f fellows) body(n int) string { return fmt.Sprintf("Dear Fellow %d Patel, camp", n) }

// people makes so many people whom Avni and Glific know.
func (s *stage) people(n int) fellows {
	s.Helper()
	f := s.contacts(n)
	s.exec(`
		insert into individual (uuid, subject_type_id, first_name, last_name, address_id, gender_id, date_of_birth_verified, registration_date,
		       observations, sync_disabled, version, is_voided, organisation_id, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select 'fellow-' || phone, subject_type_id, 'Fellow ' || n, 'Patel', address_id, gender_id, false, registration_date,
		       jsonb_build_object(c.uuid, jsonb_build_object('phoneNumber', right(phone, 10), 'verified', false)), sync_disabled, 0, false,
		       organisation_id, created_by_id, last_modified_by_id, now(), now()
		  from individual i, unnest($1::text[]) with ordinality as p(phone, place), lateral (select place - 1 as n) x,
		       (select uuid from concept where organisation_id = 101 and data_type = 'PhoneNumber' and not is_voided limit 1) c
		 where i.id = $2`, f.phones, asha)
	return f
}

// contacts makes so many contacts at Glific whom Avni does not know.
func (s *stage) contacts(n int) fellows {
	var f fellows
	for range n {
		phone := fmt.Sprintf("9198%08d", 20_000_000+len(s.asha.Contacts()))
		f.phones = append(f.phones, phone)
		f.contacts = append(f.contacts, s.asha.AddOptedInContact(phone, "somebody"))
	}
	return f
}

const namedTemplate, plainTemplate = "7009", "7001"

// queueNamed queues a message with @name to a group, and queuePlain one without.
func (s *stage) queueNamed(group string) int64 {
	return s.queueToGroup(group, namedTemplate, "@name", "camp")
}

func (s *stage) queuePlain(group string) int64 {
	return s.queueToGroup(group, plainTemplate, "all", "Kevadia")
}

func (s *stage) queueToGroup(group, template string, parameters ...string) int64 {
	s.Helper()
	id, err := strconv.ParseInt(group, 10, 64)
	s.must(err)
	return s.queueManual(avnitest.AshaGramin, "Group", id, template, parameters...)
}

// memberRow is what the tables say of a member of a group.
type memberRow struct {
	State, Reason, Outcomes string
}

func (s *stage) members(request int64) map[string]memberRow {
	s.Helper()
	rows, err := s.db.Pool().Query(context.Background(), `
		select m.contact_id, d.state, coalesce(d.reason, ''),
		       coalesce((select string_agg(a.outcome, ' ' order by a.id) from messenger.attempt a where a.request_id = m.id), '')
		  from messenger.group_member m join messenger.delivery d on d.request_id = m.id where m.request_id = $1`, request)
	s.must(err)
	defer rows.Close()
	found := make(map[string]memberRow)
	for rows.Next() {
		var contact string
		var m memberRow
		s.must(rows.Scan(&contact, &m.State, &m.Reason, &m.Outcomes))
		found[contact] = m
	}
	s.must(rows.Err())
	return found
}

// received counts the messages that each phone got, all of which must have a body.
func (s *stage) received(body func(phone string) string) map[string]int {
	s.Helper()
	got := make(map[string]int)
	for _, d := range s.glific.Ledger() {
		got[d.Phone]++
		if want := body(d.Phone); want != d.Body {
			s.Errorf("a phone got %q, want %q", d.Body, want)
		}
	}
	return got
}

// wantNamed checks that the people, and nobody else, got their message once.
func (s *stage) wantNamed(f fellows) {
	s.Helper()
	bodies := make(map[string]string, len(f.phones))
	for i, phone := range f.phones {
		bodies[phone] = f.body(i)
	}
	got := s.received(func(phone string) string { return bodies[phone] })
	for phone := range bodies {
		if got[phone] != 1 {
			s.Errorf("the phone …%s got %d messages, want 1", phone[len(phone)-4:], got[phone])
		}
	}
	if len(got) != len(bodies) {
		s.Errorf("%d phones got messages, want %d", len(got), len(bodies))
	}
}

// detail is messenger.delivery.detail.
func (s *stage) detail(request int64) string {
	s.Helper()
	var detail string
	s.must(s.db.Pool().QueryRow(context.Background(), `select coalesce(detail, '') from messenger.delivery where request_id = $1`, request).Scan(&detail))
	return detail
}

// lookAgain has a group listed now, not when it is due.
func (s *stage) lookAgain(request int64) {
	s.Helper()
	s.execOwn(`update messenger.delivery set next_attempt_at = now() where request_id = $1 and state = 'waiting'`, request)
}

// broadcast lets Glific pass on what it was given for groups.
func (s *stage) broadcast() {
	for s.asha.RunBroadcast() {
	}
}

// secondsAgo is a moment in the past.
func secondsAgo(n int) time.Time { return time.Now().Add(-time.Duration(n) * time.Second) }
