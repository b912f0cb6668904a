package main

import (
	"bytes"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConfigDefaults(t *testing.T) {
	cfg, err := parseConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cfg.Database.ConnectionURL(), "postgres://openchs@localhost:5432/openchs"; got != want {
		t.Errorf("database is %s, want %s", got, want)
	}
	got := []any{cfg.Mode, cfg.Organisations.String(), cfg.Rules, cfg.Dispatch, cfg.DryRun, cfg.SoleOwner, len(cfg.TestNumbers),
		cfg.Timezone.String(), cfg.QuietHours.String(), cfg.SinceDays, cfg.PollInterval, cfg.MaxAttempts, cfg.RetryBase,
		cfg.MessagesPerSecond, cfg.RequestsPerMinute, cfg.RuleTimeout, cfg.RulesConfig, cfg.Slot, cfg.Publication, cfg.MaxSlotWAL, cfg.Listen, cfg.LogLevel.Level, cfg.LogFormat}
	want := []any{ModeShadow, "all with a Glific configuration", Switch(true), Switch(true), Switch(false), Switch(false), 0,
		"Asia/Kolkata", "none", 4, 30 * time.Second, 8, time.Minute,
		2.0, 120, 2 * time.Second, "", "avni_messenger", "avni_messenger", Size(8 << 30), "127.0.0.1:8024", slog.LevelInfo, LogJSON}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestConfigReadsEveryVariable(t *testing.T) {
	cfg, err := parseConfig([]string{
		"OPENCHS_DATABASE_HOST=serverdb.example", "OPENCHS_DATABASE_PORT=5433", "OPENCHS_DATABASE_USER=messenger",
		"OPENCHS_DATABASE_PASSWORD=p@ss/word", "OPENCHS_DATABASE=avni",
		"MESSENGER_MODE=dispatch", "MESSENGER_ORGANISATIONS=asha_gramin=full, 103=Shadow", "MESSENGER_RULES=off", "MESSENGER_DISPATCH=off",
		"MESSENGER_DRY_RUN=on", "MESSENGER_SOLE_OWNER=true", "MESSENGER_TEST_NUMBERS=+919876500001, +9779841000011",
		"MESSENGER_TIMEZONE=Asia/Kathmandu", "MESSENGER_QUIET_HOURS=21:00-08:30", "AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS=2",
		"MESSENGER_POLL_INTERVAL=10s", "MESSENGER_MAX_ATTEMPTS=3", "MESSENGER_RETRY_BASE=30s", "MESSENGER_MESSAGES_PER_SECOND=0.5",
		"MESSENGER_REQUESTS_PER_MINUTE=60", "MESSENGER_RULE_TIMEOUT=500ms", "MESSENGER_RULES_CONFIG=config_test.go", "MESSENGER_SLOT=other", "MESSENGER_PUBLICATION=other_pub",
		"MESSENGER_LISTEN=:8025", "MESSENGER_MAX_SLOT_WAL=500mb", "LOG_LEVEL=debug", "LOG_FORMAT=text", "PATH=/bin", "OPENCHS_DATABASE_URL=jdbc:postgresql://ignored",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cfg.Database.ConnectionURL(), "postgres://messenger:p%40ss%2Fword@serverdb.example:5433/avni"; got != want {
		t.Errorf("database is %s, want %s", got, want)
	}
	wantNamed := []NamedOrganisation{{"asha_gramin", ModeFull}, {"103", ModeShadow}}
	if diff := cmp.Diff(wantNamed, cfg.Organisations.Named()); diff != "" {
		t.Errorf("organisations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(TestNumbers{"+919876500001", "+9779841000011"}, cfg.TestNumbers); diff != "" {
		t.Errorf("test numbers (-want +got):\n%s", diff)
	}
	if want := (QuietHours{From: 21 * time.Hour, To: 8*time.Hour + 30*time.Minute}); cfg.QuietHours != want {
		t.Errorf("quiet hours are %v, want %v", cfg.QuietHours, want)
	}
	got := []any{cfg.Mode, cfg.Rules, cfg.Dispatch, cfg.DryRun, cfg.SoleOwner, cfg.Timezone.String(), cfg.SinceDays, cfg.PollInterval,
		cfg.MaxAttempts, cfg.RetryBase, cfg.MessagesPerSecond, cfg.RequestsPerMinute, cfg.RuleTimeout, cfg.RulesConfig, cfg.Slot, cfg.Publication, cfg.MaxSlotWAL, cfg.Listen,
		cfg.LogLevel.Level, cfg.LogFormat}
	want := []any{ModeDispatch, Switch(false), Switch(false), Switch(true), Switch(true), "Asia/Kathmandu", 2, 10 * time.Second,
		3, 30 * time.Second, 0.5, 60, 500 * time.Millisecond, "config_test.go", "other", "other_pub", Size(500 << 20), ":8025", slog.LevelDebug, LogText}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// The lines are what an operator reads: they are compared word for word.
func TestConfigReportsAllProblemsAtOnce(t *testing.T) {
	_, err := parseConfig([]string{
		"MESSENGER_DATABASE_URL=postgres://avni:hunter2@ho st/openchs", "MESSENGER_MODE=fast",
		"MESSENGER_ORGANISATIONS=asha_gramin,seva_nepal=slow,x=full,x=full", "MESSENGER_RULES=maybe", "MESSENGER_TEST_NUMBERS=+919876500001,9876500002",
		"MESSENGER_TIMEZONE=Mars/Olympus", "MESSENGER_QUIET_HOURS=9pm-8am", "AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS=-1",
		"MESSENGER_POLL_INTERVAL=fast", "MESSENGER_MAX_ATTEMPTS=many", "MESSENGER_RETRY_BASE=7h", "MESSENGER_MESSAGES_PER_SECOND=0",
		"MESSENGER_REQUESTS_PER_MINUTE=0", "MESSENGER_RULE_TIMEOUT=5ms", "MESSENGER_SLOT=Avni-Slot", "MESSENGER_PUBLICATION=", "MESSENGER_LISTEN=8024", "MESSENGER_MAX_SLOT_WAL=8",
		"LOG_LEVEL=loud", "LOG_FORMAT=xml", "MESSENGER_ORGANIZATION=hunter2",
	})
	var problems *ConfigError
	if !errors.As(err, &problems) {
		t.Fatalf("error is %v, want a ConfigError", err)
	}
	want := []string{
		`MESSENGER_MODE is "fast"; it must be shadow, dispatch, full or none`,
		`MESSENGER_ORGANISATIONS is not usable: "asha_gramin" is not name=mode; the mode of seva_nepal is "slow"; it must be shadow, dispatch, full or none; "x" is named twice. ` +
			`Write name=mode entries separated by commas, such as asha_gramin=full,seva_nepal=shadow, or none to serve nobody`,
		`MESSENGER_RULES is "maybe"; it must be on or off (true and false mean the same)`,
		`MESSENGER_TEST_NUMBERS is wrong: number 2 of the list (10 characters) is not a phone number; write each with plus sign and country code, such as +919876543210, and separate them by commas`,
		`MESSENGER_TIMEZONE is "Mars/Olympus"; it must be the name of a time zone, such as Asia/Kolkata or UTC`,
		`MESSENGER_QUIET_HOURS is "9pm-8am"; it must be two times of day, such as 21:00-08:00`,
		`MESSENGER_POLL_INTERVAL is "fast"; it must be a time span such as 500ms, 30s, 5m or 2h`,
		`MESSENGER_MAX_ATTEMPTS is "many"; it must be a whole number`,
		`MESSENGER_MAX_SLOT_WAL is "8"; it must be a whole number with a unit, such as 500MB or 8GB`,
		`LOG_LEVEL is "loud"; it must be debug, info, warn or error`,
		`LOG_FORMAT is "xml"; it must be json or text`,
		`AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS is -1; it must be at least 1 here. A value below 1 is what avni-server gets, to switch its own dispatcher off: ` +
			`set it there, and leave it out of avni-messenger's environment`,
		`MESSENGER_RETRY_BASE is 7h0m0s; it must be between 1s and 6h`,
		`MESSENGER_MESSAGES_PER_SECOND is 0; it must be above 0 and at most 1000`,
		`MESSENGER_REQUESTS_PER_MINUTE is 0; it must be at least 1`,
		`MESSENGER_RULE_TIMEOUT is 5ms; it must be between 10ms and 10s`,
		`MESSENGER_SLOT is "Avni-Slot"; Postgres allows 1 to 63 of a-z, 0-9 and _ in a slot's name`,
		`MESSENGER_LISTEN is "8024"; it must be host:port, such as 127.0.0.1:8024 or :8024`,
		`MESSENGER_DATABASE_URL is a text of 37 characters that cannot be understood; it must be a libpq URL such as postgres://avni_messenger:…@host:5432/openchs. ` +
			`Special characters in a password are written as %40 for @, %2F for /, %3A for :, %25 for %`,
		`MESSENGER_ORGANIZATION is not a variable of this version; did you mean MESSENGER_ORGANISATIONS?`,
	}
	if diff := cmp.Diff(want, problems.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "9876500") {
		t.Errorf("the error shows a secret: %v", err)
	}
	if !strings.HasPrefix(err.Error(), "20 problems in the configuration:\n") {
		t.Errorf("the error begins with %.60q", err.Error())
	}
}

func TestConfigSingleProblems(t *testing.T) {
	for _, row := range []struct{ name, entry, want string }{
		{"jdbc", "MESSENGER_DATABASE_URL=jdbc:postgresql://db/openchs", "MESSENGER_DATABASE_URL is a JDBC address"},
		{"an @ in the password", "MESSENGER_DATABASE_URL=postgres://avni_messenger:Pa@ssw0rd@127.0.0.1:5432/openchs", "MESSENGER_DATABASE_URL holds more than one @ before its parameters; "},
		{"an @ and a slash in the password", "MESSENGER_DATABASE_URL=postgres://avni_messenger:pa:ss@99/x@127.0.0.1:5432/openchs", "MESSENGER_DATABASE_URL holds more than one @"},
		{"not a URL", "MESSENGER_DATABASE_URL=secret-text", "MESSENGER_DATABASE_URL is a text of 11 characters that does not begin with postgres://"},
		{"missing certificate", "MESSENGER_DATABASE_URL=postgres://db/openchs?sslrootcert=/nowhere/ca.pem", "MESSENGER_DATABASE_URL names a file that cannot be used: open /nowhere/ca.pem"},
		{"port", "OPENCHS_DATABASE_PORT=x", `OPENCHS_DATABASE_PORT is "x"; it must be a port number`},
		{"quiet all day", "MESSENGER_QUIET_HOURS=08:00-08:00", "MESSENGER_QUIET_HOURS is \"08:00-08:00\"; it must not begin and end"},
		{"polls too seldom", "MESSENGER_POLL_INTERVAL=6m", "MESSENGER_POLL_INTERVAL is 6m0s; it must be between 1s and 5m"},
		{"local zone", "MESSENGER_TIMEZONE=Local", `MESSENGER_TIMEZONE is "Local"`},
		{"swapped letters", "MESSENGER_TIMEZOEN=UTC", "MESSENGER_TIMEZOEN is not a variable of this version; did you mean MESSENGER_TIMEZONE?"},
		{"nothing near", "MESSENGER_COLOUR_SCHEME=red", "MESSENGER_COLOUR_SCHEME is not a variable of this version"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := parseConfig([]string{row.entry})
			var problems *ConfigError
			if !errors.As(err, &problems) || len(problems.Problems) != 1 {
				t.Fatalf("error is %v, want one problem", err)
			}
			if !strings.HasPrefix(problems.Problems[0], row.want) {
				t.Errorf("problem is %q, want it to begin with %q", problems.Problems[0], row.want)
			}
		})
	}
}

func TestConfigNobody(t *testing.T) {
	cfg, err := parseConfig([]string{"MESSENGER_ORGANISATIONS=None"})
	if err != nil {
		t.Fatal(err)
	}
	if !cfg.Organisations.Nobody() || cfg.Organisations.String() != "none" {
		t.Errorf("organisations are %v, want none", cfg.Organisations)
	}
}

func TestConfigLogsNoSecret(t *testing.T) {
	cfg, err := parseConfig([]string{"MESSENGER_DATABASE_URL=postgres://avni:hunter2@db.example:5432/openchs?sslmode=disable",
		"OPENCHS_DATABASE_PASSWORD=hunter2", "MESSENGER_TEST_NUMBERS=+919876500001"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	newLogger(cfg, &out).Info("configuration", "config", cfg)
	line := out.String()
	if strings.Contains(line, "hunter2") || strings.Contains(line, "9876500001") {
		t.Errorf("the log line shows a secret: %s", line)
	}
	for _, want := range []string{`"database":"avni@db.example:5432/openchs"`, `"test_numbers":1`} {
		if !strings.Contains(line, want) {
			t.Errorf("the log line lacks %s: %s", want, line)
		}
	}
}

// Parse errors are translated by the field's name, so it must be unique.
func TestConfigFieldNamesAreUnique(t *testing.T) {
	fields := 0
	var count func(reflect.Type)
	count = func(typ reflect.Type) {
		for i := range typ.NumField() {
			if field := typ.Field(i); field.Tag.Get("env") != "" {
				fields++
			} else if field.Type.Kind() == reflect.Struct {
				count(field.Type)
			}
		}
	}
	count(reflect.TypeFor[Config]())
	if got := len(variableNames()); got != fields {
		t.Errorf("%d fields have %d distinct names", fields, got)
	}
}
