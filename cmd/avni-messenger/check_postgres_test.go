package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

func TestCheckServerSettings(t *testing.T) {
	cluster, err := avnitest.StartCluster(t.Context(), avnitest.Options{Settings: map[string]string{
		"wal_level": "replica", "max_replication_slots": "1", "max_wal_senders": "1", "wal_sender_timeout": "2s"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	db, err := cluster.CreateDatabase(t.Context(), "settings")
	if err != nil {
		t.Fatal(err)
	}
	execAs(t, db.SuperuserURL(), `select pg_create_physical_replication_slot('of_a_standby')`)
	reader := replicationConnection(t, db.SuperuserURL(), "a backup")
	variable := "MESSENGER_DATABASE_URL=" + db.URL()
	found := newCheck(t, variable).findings(t, "PostgreSQL")
	wantFinding(t, found, gradeFailing, "wal_level", `wal_level is "replica" and must be logical`, "alter system set wal_level = logical;", "rds.logical_replication = 1")
	wantFinding(t, found, gradeFailing, "max_replication_slots", "all 1 replication slots are in use", "alter system set max_replication_slots = 6;")
	wantFinding(t, found, gradeFailing, "max_wal_senders", "all 1 WAL senders are in use", "alter system set max_wal_senders = 6;")
	wantFinding(t, found, gradeFailing, "replication connection", "number of requested standby connections exceeds", "See above what the role and the server lack")
	wantFinding(t, found, gradeWarning, "wal_sender_timeout", "2s: a machine that is busy for that long", "`select pg_reload_conf();`")
	if err := reader.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	avnitest.Eventually(t, avnitest.Patience, func() string {
		for _, f := range newCheck(t, variable).findings(t, "PostgreSQL") {
			if f.What == "max_wal_senders" && f.Grade != gradeOK {
				return f.Found
			}
		}
		return ""
	})
}

// replicationConnection occupies a WAL sender.
func replicationConnection(t *testing.T, url, name string) *pgconn.PgConn {
	t.Helper()
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["replication"], config.RuntimeParams["application_name"] = "database", name
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

func TestCheckStandby(t *testing.T) {
	cluster, err := avnitest.StartCluster(t.Context(), avnitest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	db, err := cluster.CreateDatabase(t.Context(), "standby")
	if err != nil {
		t.Fatal(err)
	}
	execAs(t, db.SuperuserURL(), `do $$ begin execute format('copy (select) to %L', current_setting('data_directory') || '/standby.signal'); end $$`)
	if err := cluster.Restart(t.Context(), "fast"); err != nil {
		t.Fatal(err)
	}
	c := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL())
	wantFinding(t, c.findings(t, "PostgreSQL"), gradeFailing, "primary", "the database is a standby (in recovery)", "Connect to the primary")
	wantFinding(t, c.findings(t, "Publication"), gradeSkipped, "Avni's own updates", "this is a standby")
}

func TestCheckVersions(t *testing.T) {
	for _, row := range []struct {
		number int
		grade  grade
		text   string
	}{
		{110022, gradeFailing, "is too old"},
		{120022, gradeOK, "before 13 nothing but avni-messenger itself limits what a slot keeps; before 15"},
		{160004, gradeOK, "; before 17 the slot does not survive a failover"},
		{180001, gradeOK, "PostgreSQL 18"},
		{190000, gradeWarning, "was not tried"},
	} {
		s := server{number: row.number, version: fmt.Sprint(row.number / 10000)}
		wantFinding(t, []finding{(&checker{server: s}).version()}, row.grade, "version", row.text)
	}
}

func TestCheckKeptWAL(t *testing.T) {
	size := func(megabytes int64) *int64 { return &megabytes }
	for _, row := range []struct {
		name  string
		in    cdc.Inspection
		grade grade
		what  string
		texts []string
	}{
		{"before 13", cdc.Inspection{}, gradeWarning, "max_slot_wal_keep_size", []string{"this PostgreSQL has no max_slot_wal_keep_size", "avni-messenger teardown"}},
		{"no limit", cdc.Inspection{MaxSlotWALKeep: size(-1)}, gradeWarning, "max_slot_wal_keep_size", []string{"is -1", "alter system set max_slot_wal_keep_size = '16GB';"}},
		{"none", cdc.Inspection{MaxSlotWALKeep: size(0)}, gradeWarning, "max_slot_wal_keep_size", []string{"after every short stop the slot is lost"}},
		{"too small", cdc.Inspection{MaxSlotWALKeep: size(100)}, gradeWarning, "max_slot_wal_keep_size", []string{"100MB, which is less", "= '16GB';"}},
		{"enough", cdc.Inspection{MaxSlotWALKeep: size(8192)}, gradeOK, "max_slot_wal_keep_size", []string{"8GB"}},
		{"idle slots end", cdc.Inspection{MaxSlotWALKeep: size(8192), IdleSlotTimeout: time.Hour}, gradeWarning, "idle_replication_slot_timeout", []string{"is 1h0m0s", "= 0;"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			wantFinding(t, keptFindings(row.in, 8<<30), row.grade, row.what, row.texts...)
		})
	}
}

func TestCheckLongTransaction(t *testing.T) {
	db := avnitest.New(t)
	c := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL())
	wantFinding(t, c.findings(t, "PostgreSQL"), gradeOK, "open transactions", "more than 30 minutes")
	forgotten := connect(t, db.URL()+"&application_name=forgotten")
	tx, err := forgotten.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context()) //nolint:errcheck // the connection ends in any case
	if _, err := tx.Exec(t.Context(), `select txid_current()`); err != nil {
		t.Fatal(err)
	}
	c.long = time.Nanosecond
	f := wantFinding(t, c.findings(t, "PostgreSQL"), gradeWarning, "open transactions", fmt.Sprintf("pid %d of role avni_messenger (idle in transaction) since ", forgotten.PgConn().PID()))
	if !strings.HasSuffix(f.Found, " IST") {
		t.Errorf("since when is not told in MESSENGER_TIMEZONE: %s", f.Found)
	}
	if !strings.Contains(f.Mend, "select pg_terminate_backend(pid);") {
		t.Errorf("it is not said how to end it: %s", f.Mend)
	}
}

func TestCheckTLS(t *testing.T) {
	remote := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 5432}
	wantFinding(t, []finding{tlsFinding(remote, false)}, gradeWarning, "TLS", "is not encrypted", "sslmode=verify-full")
	for _, f := range []finding{tlsFinding(remote, true), tlsFinding(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, false), tlsFinding(&net.UnixAddr{}, false)} {
		wantFinding(t, []finding{f}, gradeOK, "TLS")
	}
}

func TestCheckClock(t *testing.T) {
	db := avnitest.New(t)
	for _, row := range []struct {
		shift time.Duration
		grade grade
		text  string
	}{
		{0, gradeOK, "agree"},
		{time.Hour, gradeWarning, "this machine is 1h0m0s ahead of PostgreSQL"},
		{-time.Hour, gradeWarning, " behind PostgreSQL"},
	} {
		c := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL())
		c.now = func() time.Time { return time.Now().Add(row.shift) }
		wantFinding(t, c.findings(t, "PostgreSQL"), row.grade, "clock", row.text)
	}
}
