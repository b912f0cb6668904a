package cdc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Only one process reads the stream; all of them evaluate and deliver. What the stream
// shows is passed on to the others by NOTIFY, as "holder table organisation". That is for
// speed: a notice may be lost, or never come (pgbouncer), and then Refresh counts.

// channel is the name under which processes listen.
const channel = "messenger_changed"

// The subjects of a notice that are no table.
const (
	noticeInbox  = "inbox"  // there are new rows in it
	noticeStream = "stream" // a stream has begun: what changed before may have been missed
)

func noticeText(holder, subject string) string { return holder + " " + subject }

// notices are what others have to know of the batch.
func (s *session) notices() []string {
	var notices []string
	if len(s.batch.rows) > 0 {
		notices = append(notices, noticeText(s.store.holder, noticeInbox))
	}
	told := make(map[string]bool, 1)
	for _, c := range s.batch.references {
		notice := noticeText(s.store.holder, fmt.Sprintf("%s %d", c.Table, c.OrganisationID))
		if !told[notice] {
			told[notice] = true
			notices = append(notices, notice)
		}
	}
	return notices
}

// Announce tells all processes, as part of the transaction tx, that something about an
// organisation has changed in a table that is kept in memory, or in one of ours that
// counts as part of it.
func Announce(ctx context.Context, tx pgx.Tx, table Table, organisationID int32) error {
	notice := noticeText("everybody", fmt.Sprintf("%s %d", table, organisationID))
	if _, err := tx.Exec(ctx, `select pg_notify('`+channel+`', $1)`, notice); err != nil {
		return fmt.Errorf("notify the running processes: %w", err)
	}
	return nil
}

// tell sends notices that no write goes with.
func (s *store) tell(ctx context.Context, notices []string) error {
	if len(notices) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	_, err := s.pool.Exec(ctx, `select pg_notify('`+channel+`', notice) from unnest($1::text[]) as notice`, notices)
	if err != nil {
		return fmt.Errorf("notify other processes: %w", err)
	}
	return nil
}

// listen calls the handlers for what other processes have read, until ctx ends. After
// a lost connection everything is loaded anew.
func (r *Reader) listen(ctx context.Context) {
	said := ""
	for {
		err := r.listenOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != said {
			r.log.Warn("changes that other processes read are not heard; trying again", "err", text)
			said = text
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.pace.retryMax / 10):
		}
	}
}

func (r *Reader) listenOnce(ctx context.Context) error {
	conn, err := r.listening(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if err := r.load(ctx); err != nil {
		return fmt.Errorf("load what may have changed: %w", err)
	}
	r.stored()
	for {
		payload, err := await(ctx, conn, r.pace.ping)
		if err != nil {
			return err
		}
		if err := r.heed(ctx, payload); err != nil {
			return err
		}
	}
}

// listening takes a connection out of the pool for good: it may wait for hours.
func (r *Reader) listening(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	pooled, err := r.options.Pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	conn := pooled.Hijack()
	// A listener that does not read keeps the notices of everybody on the server: it is
	// cut off then.
	_, err = conn.Exec(ctx, fmt.Sprintf(`set tcp_user_timeout = %d`, unanswered.Milliseconds()))
	if err == nil {
		_, err = conn.Exec(ctx, `listen `+channel)
	}
	if err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("listen: %w", err)
	}
	return conn, nil
}

// await returns the next notice. When none comes for a while it sees whether the
// connection still works, and returns "".
func await(ctx context.Context, conn *pgx.Conn, ping time.Duration) (string, error) {
	waiting, cancel := context.WithTimeout(ctx, ping)
	defer cancel()
	notice, err := conn.WaitForNotification(waiting)
	if err == nil {
		return notice.Payload, nil
	}
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return "", fmt.Errorf("wait for notices: %w", err)
	}
	asking, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := conn.Ping(asking); err != nil {
		return "", fmt.Errorf("connection for notices: %w", err)
	}
	return "", nil
}

// heed does what a notice asks for. This reader's own are passed over: it has done so
// already.
func (r *Reader) heed(ctx context.Context, payload string) error {
	words := strings.Fields(payload)
	if len(words) < 2 || words[0] == r.holder {
		return nil
	}
	switch {
	case words[1] == noticeInbox:
		r.stored()
	case words[1] == noticeStream:
		return r.load(ctx)
	case len(words) == 3:
		organisation, err := strconv.ParseInt(words[2], 10, 32)
		table := findTable(words[1])
		if err != nil || table == nil {
			return nil // of another version of this program
		}
		return r.referenced(ctx, []Change{{Table: table.name, Op: Update, OrganisationID: int32(organisation)}}, 0, 0)
	}
	return nil
}
