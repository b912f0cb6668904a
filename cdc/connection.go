package cdc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	readBuffer     = 256 << 10 // the walsender sends each message by itself: read many at once
	connectTimeout = 10 * time.Second
	writeTimeout   = 10 * time.Second
	closeTimeout   = 2 * time.Second
	unanswered     = 30 * time.Second // that TCP waits for the other side to confirm what it was sent, where it can
)

var (
	// errNothing says that nothing came until the given time.
	errNothing = errors.New("nothing received")
	// errEnded says that the server ended the stream in good order, as it does when it
	// is stopped.
	errEnded = &trouble{state: Connecting, reason: reasonShutdown, err: errors.New("PostgreSQL ended the stream, trying again")}
)

// connection is a replication connection with a running stream, for one goroutine.
type connection struct {
	pg    *pgconn.PgConn
	in    *input
	names Names
}

// applicationPrefix is how our replication connections of a slot can be told in
// pg_stat_activity, as far as PostgreSQL keeps the name (63 bytes).
func applicationPrefix(slot string) string {
	prefix := "avni-messenger:" + slot + ":"
	return prefix[:min(len(prefix), 63)]
}

// applicationName ends with host and process; the host is cut if all is too long.
func applicationName(slot string) string {
	host, _ := os.Hostname()
	pid := fmt.Sprintf(":%d", os.Getpid())
	room := max(0, 63-len(applicationPrefix(slot))-len(pid))
	return applicationPrefix(slot) + host[:min(len(host), room)] + pid
}

// connect opens a replication connection and starts the stream where the slot's
// confirmed position is. At most one connection can do that at a time.
func connect(ctx context.Context, base *pgconn.Config, names Names) (*connection, error) {
	return connectAs(ctx, base, names, applicationName(names.Slot))
}

func connectAs(ctx context.Context, base *pgconn.Config, names Names, application string) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	c := &connection{names: names}
	config := base.Copy()
	config.RuntimeParams["replication"] = "database"
	config.RuntimeParams["application_name"] = application
	config.DialFunc = impatient(config.DialFunc)
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		c.in = newInput(r, w)
		return pgproto3.NewFrontend(c.in.buffer, w)
	}
	pg, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, replicationTrouble(err, config.User)
	}
	c.pg = pg
	err = pglogrepl.StartReplication(ctx, pg, names.slotIdentifier(), 0, pglogrepl.StartReplicationOptions{
		Mode:       pglogrepl.LogicalReplication,
		PluginArgs: []string{"proto_version '1'", "publication_names " + literal(names.publicationIdentifier())},
	})
	if err != nil {
		c.close()
		return nil, streamTrouble(fmt.Errorf("start replication: %w", err), names)
	}
	return c, nil
}

// receive returns the next message of the stream, valid until the next call, or
// errNothing if none came until then.
func (c *connection) receive(until time.Time) ([]byte, error) {
	c.in.until = until
	for {
		msg, err := c.pg.ReceiveMessage(context.Background())
		switch {
		case err == nil:
		case pgconn.Timeout(err):
			return nil, errNothing
		default:
			return nil, streamTrouble(fmt.Errorf("receive: %w", err), c.names)
		}
		switch msg := msg.(type) {
		case *pgproto3.CopyData:
			return msg.Data, nil
		case *pgproto3.ErrorResponse:
			return nil, streamTrouble(fmt.Errorf("receive: %w", pgconn.ErrorResponseToPgError(msg)), c.names)
		case *pgproto3.CopyDone, *pgproto3.CommandComplete:
			return nil, errEnded
		}
	}
}

// acknowledge tells the server that everything up to lsn is stored. All three
// positions are given: the library would fill in for a zero.
func (c *connection) acknowledge(lsn LSN, askForReply bool) error {
	if err := c.pg.Conn().SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("set write deadline: %w", err)
	}
	err := pglogrepl.SendStandbyStatusUpdate(context.Background(), c.pg, pglogrepl.StandbyStatusUpdate{
		WALWritePosition: lsn, WALFlushPosition: lsn, WALApplyPosition: lsn, ReplyRequested: askForReply,
	})
	if err != nil {
		return fmt.Errorf("acknowledge %s: %w", lsn, err)
	}
	return nil
}

// end takes leave in good order, so that the server has read the last
// acknowledgement before the connection is closed.
func (c *connection) end() {
	deadline := time.Now().Add(closeTimeout)
	c.in.resume(deadline)
	_ = c.pg.Conn().SetWriteDeadline(deadline)
	_, _ = pglogrepl.SendStandbyCopyDone(context.Background(), c.pg) // closed anyway
	c.close()
}

// resumed says that nobody has listened for a while: silence counts from now.
func (c *connection) resumed() { c.in.heard = time.Now() }

func (c *connection) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.pg.Close(ctx)
}

// interruptBy makes receive return as soon as ctx ends. The returned function
// undoes it.
func (c *connection) interruptBy(ctx context.Context) (undo func() bool) {
	return context.AfterFunc(ctx, c.in.interrupt)
}

// input reads the socket with a deadline, which is set only when a read is needed.
type input struct {
	buffer      *bufio.Reader
	source      io.Reader
	socket      net.Conn
	until       time.Time // zero: none
	heard       time.Time // of the last successful read
	gather      gather
	interrupted atomic.Bool
}

func newInput(r io.Reader, w io.Writer) *input {
	in := &input{source: r, heard: time.Now()}
	in.socket, _ = w.(net.Conn)
	in.buffer = bufio.NewReaderSize(in, readBuffer)
	return in
}

// Read is called by buffer when it is empty.
func (in *input) Read(p []byte) (int, error) {
	if in.socket != nil && !in.until.IsZero() {
		// A deadline that has passed would keep even from reading what is there.
		until := in.until.Add(in.gather.wait())
		if err := in.socket.SetReadDeadline(until); err != nil {
			return 0, err
		}
		if in.interrupted.Load() { // between the setting of the deadline and the read
			in.interrupt()
		}
	}
	n, err := in.source.Read(p)
	if n > 0 {
		in.heard = time.Now()
		in.gather.took(n, in.heard)
	}
	return n, err
}

// interrupt ends a read that is going on, and every later one; any goroutine may
// call it.
func (in *input) interrupt() {
	in.interrupted.Store(true)
	if in.socket != nil {
		_ = in.socket.SetReadDeadline(time.Unix(1, 0))
	}
}

// resume allows reads again, up to a deadline.
func (in *input) resume(until time.Time) {
	in.interrupted.Store(false)
	in.until = until
}

// parting is for a last word to the server once ctx may have ended: a network that
// swallows everything must not hold up the end.
func parting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
}
