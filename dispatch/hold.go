package dispatch

import (
	"context"
	"fmt"
)

// An organisation for which somebody else writes or sends too is held: messenger.hold has
// a row of it in force. Its worker is stopped, but may not have heard yet: it looks before
// it claims, and the statement before each send does so too.

// heldSQL is true of an organisation that is held.
func heldSQL(organisation string) string {
	return `exists (select from messenger.hold h where h.organisation_id = ` + organisation + ` and h.released_at is null)`
}

// held tells whether the organisation is held.
func (q *queue) held(ctx context.Context) (held bool, err error) {
	if err := q.pool.QueryRow(ctx, `select `+heldSQL("$1"), q.organisation).Scan(&held); err != nil {
		return false, fmt.Errorf("look whether the organisation is held: %w", err)
	}
	return held, nil
}
