package dispatch

import (
	"context"
	"fmt"
	"time"

	"avni-messenger/internal/avnitest"
)

// row is what the tables say of a request.
type row struct {
	Status    string
	Delivered bool
	Voided    bool
	ChangedBy int64

	State     string // of the delivery; empty if there is none
	Reason    string
	Attempts  int
	Message   string // Glific's id
	SendAt    time.Time
	Outcomes  string // of the attempts, in order
	LastWrite time.Time
}

func (s *stage) row(id int64) row {
	s.Helper()
	var r row
	var sendAt *time.Time
	err := s.db.Pool().QueryRow(context.Background(), `
		select q.delivery_status, q.delivered_date_time is not null, q.is_voided, q.last_modified_by_id, q.last_modified_date_time,
		       coalesce(d.state, ''), coalesce(d.reason, ''), coalesce(d.attempts, 0), coalesce(d.glific_message_id, ''), d.send_at,
		       coalesce((select string_agg(a.outcome, ' ' order by a.id) from messenger.attempt a where a.request_id = q.id), '')
		  from public.message_request_queue q left join messenger.delivery d on d.request_id = q.id where q.id = $1`, id).
		Scan(&r.Status, &r.Delivered, &r.Voided, &r.ChangedBy, &r.LastWrite, &r.State, &r.Reason, &r.Attempts, &r.Message, &sendAt, &r.Outcomes)
	s.must(err)
	if sendAt != nil {
		r.SendAt = *sendAt
	}
	return r
}

// awaitState waits until a request's delivery is in a state.
func (s *stage) awaitState(id int64, want state) row {
	s.Helper()
	s.await(fmt.Sprintf("request %d is %s", id, want), func() bool { return s.row(id).State == string(want) })
	return s.row(id)
}

// awaitReason waits until a request's delivery rests in a state for a reason.
func (s *stage) awaitReason(id int64, want state, reason Reason) row {
	s.Helper()
	s.await(fmt.Sprintf("request %d is %s for %s", id, want, reason), func() bool {
		r := s.row(id)
		return r.State == string(want) && r.Reason == string(reason)
	})
	return s.row(id)
}

func (s *stage) await(what string, holds func() bool) {
	s.Helper()
	avnitest.Eventually(s, avnitest.Patience, func() string {
		if holds() {
			return ""
		}
		return fmt.Sprintf("waiting until %s\n%s", what, s.log)
	})
}
