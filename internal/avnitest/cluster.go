package avnitest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// superuser is the role that initdb makes.
const superuser = "postgres"

// Options shape a Cluster. The zero value is right for most.
type Options struct {
	// Settings are PostgreSQL settings on top of, or instead of, the usual ones, for instance
	// wal_level=replica to meet a server that is not ready for logical replication.
	Settings map[string]string
}

// settings trade safety, of which a throw-away server needs none, for speed, and leave room for
// many tests in parallel.
var settings = map[string]string{
	"listen_addresses":      "",
	"wal_level":             "logical",
	"max_wal_senders":       "64",
	"max_replication_slots": "64",
	"max_connections":       "200",
	"fsync":                 "off",
	"synchronous_commit":    "on", // free without fsync; when off, changes reach a replication stream 200 ms late
	"full_page_writes":      "off",
	"timezone":              "UTC",
	"log_timezone":          "UTC",
}

// Cluster is a running PostgreSQL server in a temporary folder, reached by a Unix socket only.
// It dies with the process that started it, however that ends. All methods may be called
// concurrently, except that nothing may overlap Stop, Halt and Restart.
type Cluster struct {
	place   place
	options Options
	watcher *watcher
	admin   *pgxpool.Pool
	version int // server_version_num

	server *exec.Cmd
	exited chan struct{} // closed when server has ended
}

// StartCluster makes and starts a server and loads Avni's tables, the sample organisations and
// schema messenger into the template of its databases. As root, which PostgreSQL refuses, it
// runs the server as user postgres or else nobody.
func StartCluster(ctx context.Context, options Options) (*Cluster, error) {
	removeStale()
	place, err := newPlace()
	if err != nil {
		return nil, err
	}
	c := &Cluster{place: place, options: options}
	if err := c.prepare(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) prepare(ctx context.Context) error {
	var err error
	if c.watcher, err = watch(c.place); err != nil {
		return err
	}
	initdb := c.place.command(ctx, "initdb", "--pgdata", c.place.data(), "--username", superuser,
		"--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("run initdb: %w\n%s", err, out)
	}
	if err := c.start(ctx); err != nil {
		return err
	}
	if c.admin, err = pgxpool.New(ctx, c.url(superuser, superuser)); err != nil {
		return fmt.Errorf("open pool: %w", err)
	}
	if err := c.admin.QueryRow(ctx, `select current_setting('server_version_num')::int`).Scan(&c.version); err != nil {
		return fmt.Errorf("read server version: %w", err)
	}
	if c.version < 120000 {
		return fmt.Errorf("PostgreSQL in %s is older than 12: set PGBIN to the folder of a newer one", c.place.bin)
	}
	return c.buildTemplate(ctx)
}

// start starts the server and waits until it answers.
func (c *Cluster) start(ctx context.Context) error {
	log, err := os.OpenFile(c.place.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open server log: %w", err)
	}
	defer log.Close()
	server := c.place.command(context.WithoutCancel(ctx), "postgres", c.arguments()...)
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = server.Wait() // how it ended is in its log
	}()
	c.server, c.exited = server, exited
	return c.awaitReady(ctx, exited)
}

func (c *Cluster) arguments() []string {
	all := maps.Clone(settings)
	maps.Copy(all, c.options.Settings)
	all["unix_socket_directories"] = c.place.dir
	args := []string{"-D", c.place.data()}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "-c", name+"="+all[name])
	}
	return args
}

func (c *Cluster) awaitReady(ctx context.Context, exited <-chan struct{}) error {
	for {
		conn, err := pgx.Connect(ctx, c.url(superuser, superuser))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-exited:
			return fmt.Errorf("postgres did not start; the end of its log:\n%s", c.logTail())
		case <-ctx.Done():
			return fmt.Errorf("wait for postgres: %w; last answer: %w; the end of its log:\n%s", ctx.Err(), err, c.logTail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// logTail is the last twenty lines of the server's log.
func (c *Cluster) logTail() string {
	text, err := os.ReadFile(c.place.log())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// Restart stops the server in the given mode of pg_ctl, "fast" or "immediate" (which is a
// crash), and starts it again on the same data. Connections break.
func (c *Cluster) Restart(ctx context.Context, mode string) error {
	if err := c.Halt(ctx, mode); err != nil {
		return err
	}
	return c.start(ctx)
}

// Halt is the first half of Restart, which may follow it.
func (c *Cluster) Halt(ctx context.Context, mode string) error {
	signals := map[string]syscall.Signal{"fast": syscall.SIGINT, "immediate": syscall.SIGQUIT}
	signal, ok := signals[mode]
	if !ok {
		return fmt.Errorf("restart mode %q: want fast or immediate", mode)
	}
	return c.halt(ctx, signal)
}

// halt signals the server, if it runs, and waits for its end.
func (c *Cluster) halt(ctx context.Context, signal syscall.Signal) error {
	if c.server == nil {
		return nil
	}
	if err := c.server.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal postgres: %w", err)
	}
	select {
	case <-c.exited:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for postgres to stop: %w; the end of its log:\n%s", ctx.Err(), c.logTail())
	}
}

// Stop ends the server at once and removes its data. The cluster cannot be used again.
func (c *Cluster) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if c.admin != nil {
		c.admin.Close()
	}
	halted := c.halt(ctx, syscall.SIGQUIT)
	if halted != nil {
		_ = c.server.Process.Kill() // it had its chance
	}
	if c.watcher != nil {
		c.watcher.dismiss()
	}
	if err := os.RemoveAll(c.place.dir); err != nil {
		return errors.Join(halted, fmt.Errorf("remove cluster: %w", err))
	}
	return halted
}
