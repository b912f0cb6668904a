package avnitest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// holdCluster makes the test binary start a cluster, print its folder and wait to be killed.
const holdCluster = "AVNITEST_HOLD_CLUSTER"

func TestMain(m *testing.M) {
	if os.Getenv(holdCluster) != "" {
		c, err := StartCluster(context.Background(), Options{})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(c.place.dir)
		select {}
	}
	Main(m)
}

func TestClusterDiesWithItsProcess(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.Command(self)
	holder.Env = append(os.Environ(), holdCluster+"=1")
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	dir := strings.TrimSpace(line)
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // killed
	if !strings.HasPrefix(filepath.Base(dir), dirPrefix) {
		t.Fatalf("the holder printed %q instead of a folder", dir)
	}
	await(t, "the cluster's folder to vanish", func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, fs.ErrNotExist)
	})
}

func TestRestartKeepsDataAndSettings(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, err := StartCluster(ctx, Options{Settings: map[string]string{"wal_level": "replica"}})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			_ = c.Stop()
		}
	})
	db, err := c.CreateDatabase(ctx, "kept")
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"fast", "immediate"} {
		if err := c.Restart(ctx, mode); err != nil {
			t.Fatalf("restart %s: %v", mode, err)
		}
		conn, err := pgx.Connect(ctx, db.URL())
		if err != nil {
			t.Fatal(err)
		}
		var level string
		var count int
		err = conn.QueryRow(ctx, `select current_setting('wal_level'), count(*) from individual`).Scan(&level, &count)
		if err != nil || level != "replica" || count != 7 {
			t.Errorf("after restart %s: wal_level %s, %d subjects, %v; want replica, 7", mode, level, count, err)
		}
		conn.Close(ctx)
	}
	if err := c.Restart(ctx, "smart"); err == nil {
		t.Error("restart in an unknown mode succeeded")
	}
	stopped = true
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(c.place.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("folder after Stop: %v", err)
	}
}

func TestDropCutsOffSessionsAndSlots(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), New(t).Cluster()
	db, err := c.CreateDatabase(ctx, "dropped")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool().Exec(ctx, `select pg_create_logical_replication_slot(name, 'pgoutput') from unnest(array['dropped_idle', 'dropped_active']) name`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Avni().Pool().Exec(ctx, `create publication p for table individual`); err != nil {
		t.Fatal(err)
	}
	stream, err := pgconn.Connect(ctx, db.URL()+"&replication=database")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close(ctx)
	err = pglogrepl.StartReplication(ctx, stream, "dropped_active", 0,
		pglogrepl.StartReplicationOptions{PluginArgs: []string{"proto_version '1'", "publication_names 'p'"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Drop(ctx); err != nil {
		t.Fatal(err)
	}
	var left int
	err = c.admin.QueryRow(ctx, `select (select count(*) from pg_database where datname = 'dropped')
		+ (select count(*) from pg_replication_slots where slot_name like 'dropped%')`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d databases and slots left behind (%v)", left, err)
	}
}

func TestMissingServerIsExplained(t *testing.T) {
	t.Setenv("PGBIN", t.TempDir())
	_, err := StartCluster(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "initdb and postgres are not both there") {
		t.Errorf("start without server programs: %v", err)
	}
}

// await polls until the condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	Eventually(t, Patience, func() string {
		if holds() {
			return ""
		}
		return "waiting for " + what
	})
}
