package cdc

import (
	"context"
	"time"
)

// writeRows stores the batch in one transaction, unless the server has shown that it
// cannot do that in the time that one statement has: then in parts, with a sign of life
// to the walsender in between. The position moves with the last part. Parts grow again
// when the server has become faster.
func (s *session) writeRows(ctx context.Context, p position) error {
	rows := s.batch.rows
	for {
		n, to, told := len(rows), p, news{notices: s.notices(), versioned: s.batch.unversioned}
		if s.part > 0 && n > s.part {
			n, to, told.notices = s.part, s.durable, nil
		}
		begin := time.Now()
		err := s.store.write(ctx, rows[:n], to, told)
		if err == nil {
			s.batch.unversioned = false
		}
		switch took := time.Since(begin); {
		case isCode(err, "57014") && n > 1: // statement_timeout: nothing was stored
			s.part = n / 2
		case err != nil:
			return err
		case n == len(rows):
			return nil
		default:
			rows = rows[n:]
			if took < s.store.timeout/4 {
				s.part *= 2
			}
		}
		if err := s.acknowledge(time.Now(), false); err != nil {
			return err
		}
		if err := s.renew(ctx); err != nil {
			return err
		}
	}
}
