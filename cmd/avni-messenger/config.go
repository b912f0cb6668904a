package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Config is everything that an operator can set. It comes from the environment only
// and is complete and valid once parseConfig has returned it.
type Config struct {
	Database Database

	Mode          Mode      `env:"MESSENGER_MODE" envDefault:"shadow"`
	Organisations Selection `env:"MESSENGER_ORGANISATIONS"`
	Rules         Switch    `env:"MESSENGER_RULES" envDefault:"on"`
	Dispatch      Switch    `env:"MESSENGER_DISPATCH" envDefault:"on"`
	DryRun        Switch    `env:"MESSENGER_DRY_RUN" envDefault:"off"`
	SoleOwner     Switch    `env:"MESSENGER_SOLE_OWNER" envDefault:"false"`

	TestNumbers TestNumbers `env:"MESSENGER_TEST_NUMBERS"`
	Timezone    Timezone    `env:"MESSENGER_TIMEZONE" envDefault:"Asia/Kolkata"`
	QuietHours  QuietHours  `env:"MESSENGER_QUIET_HOURS"`

	// SinceDays is avni-server's own variable: due messages that are older are not sent any more.
	SinceDays         int           `env:"AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS" envDefault:"4"`
	PollInterval      time.Duration `env:"MESSENGER_POLL_INTERVAL" envDefault:"30s"`
	MaxAttempts       int           `env:"MESSENGER_MAX_ATTEMPTS" envDefault:"8"`
	RetryBase         time.Duration `env:"MESSENGER_RETRY_BASE" envDefault:"1m"`
	MessagesPerSecond float64       `env:"MESSENGER_MESSAGES_PER_SECOND" envDefault:"2"`
	RequestsPerMinute int           `env:"MESSENGER_REQUESTS_PER_MINUTE" envDefault:"120"`
	RuleTimeout       time.Duration `env:"MESSENGER_RULE_TIMEOUT" envDefault:"2s"`

	// StormLimit is how many new requests a rule may make of one source transaction.
	StormLimit int `env:"MESSENGER_STORM_LIMIT" envDefault:"500"`

	// RulesConfig is the path of a build of Avni's rules-config, "" for ours.
	RulesConfig string `env:"MESSENGER_RULES_CONFIG"`

	Slot        string    `env:"MESSENGER_SLOT" envDefault:"avni_messenger"`
	Publication string    `env:"MESSENGER_PUBLICATION" envDefault:"avni_messenger"`
	MaxSlotWAL  Size      `env:"MESSENGER_MAX_SLOT_WAL" envDefault:"8GB"`
	Listen      string    `env:"MESSENGER_LISTEN" envDefault:"127.0.0.1:8024"`
	UIPassword  Secret    `env:"MESSENGER_UI_PASSWORD"`
	PingKey     Secret    `env:"HEALTHCHECK_PING_KEY"`
	MetricsFor  Switch    `env:"MESSENGER_METRICS_ORGANISATIONS" envDefault:"on"`
	LogLevel    LogLevel  `env:"LOG_LEVEL" envDefault:"info"`
	LogFormat   LogFormat `env:"LOG_FORMAT" envDefault:"json"`
}

// ConfigError holds every problem of a configuration, one line each, none of them
// with a secret in it.
type ConfigError struct {
	Problems []string
}

func (e *ConfigError) Error() string {
	noun := "problems"
	if len(e.Problems) == 1 {
		noun = "problem"
	}
	return fmt.Sprintf("%d %s in the configuration:\n  %s",
		len(e.Problems), noun, strings.Join(e.Problems, "\n  "))
}

// parseConfig reads the configuration from a list of KEY=value strings and from
// nothing else. The error is a *ConfigError that names all problems.
func parseConfig(environ []string) (Config, error) {
	variables := env.ToMap(environ)
	var cfg Config
	problems := parseProblems(env.ParseWithOptions(&cfg, env.Options{Environment: variables}), variables)
	failed := make(map[string]bool, len(problems))
	for _, p := range problems {
		failed[p.variable] = true
	}
	for _, p := range cfg.rangeProblems() {
		if !failed[p.variable] { // its zero value says nothing new
			problems = append(problems, p)
		}
	}
	cfg.Database.assumed = nothingSet(variables)
	problems = append(problems, cfg.Database.problems()...)
	problems = append(problems, unknownVariables(variables)...)
	if len(problems) == 0 {
		return cfg, nil
	}
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.variable + " " + p.text
	}
	return Config{}, &ConfigError{Problems: lines}
}

// problem is what is wrong with one variable, as a sentence that starts with its name.
type problem struct{ variable, text string }

// parseProblems turns the parser's errors, which name fields of Go, into problems
// that name variables.
func parseProblems(err error, variables map[string]string) []problem {
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []problem{{"environment", err.Error()}}
	}
	names := variableNames()
	var problems []problem
	for _, e := range all.Errors {
		var parse env.ParseError
		if !errors.As(e, &parse) {
			problems = append(problems, problem{"environment", e.Error()})
			continue
		}
		variable := names[parse.Name]
		problems = append(problems, problem{variable, parseText(parse, variables[variable])})
	}
	return problems
}

func parseText(parse env.ParseError, value string) string {
	if parse.Type == reflect.TypeFor[Size]() {
		return parse.Err.Error()
	}
	switch parse.Type.Kind() {
	case reflect.Int:
		return fmt.Sprintf("is %q; it must be a whole number", value)
	case reflect.Float64:
		return fmt.Sprintf("is %q; it must be a number", value)
	case reflect.Int64:
		return fmt.Sprintf("is %q; it must be a time span such as 500ms, 30s, 5m or 2h", value)
	}
	return parse.Err.Error() // our own types word it themselves
}

// rangeProblems checks what a type alone cannot.
func (c *Config) rangeProblems() []problem {
	var problems []problem
	check := func(ok bool, variable, format string, args ...any) {
		if !ok {
			problems = append(problems, problem{variable, fmt.Sprintf(format, args...)})
		}
	}
	check(c.SinceDays >= 1, "AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS", "is %d; it must be at least 1 here. "+
		"A value below 1 is what avni-server gets, to switch its own dispatcher off: set it there, and leave it out of avni-messenger's environment", c.SinceDays)
	check(c.PollInterval >= time.Second && c.PollInterval <= 5*time.Minute, "MESSENGER_POLL_INTERVAL", "is %s; it must be between 1s and 5m", c.PollInterval)
	check(c.MaxAttempts >= 1, "MESSENGER_MAX_ATTEMPTS", "is %d; it must be at least 1", c.MaxAttempts)
	check(c.RetryBase >= time.Second && c.RetryBase <= 6*time.Hour, "MESSENGER_RETRY_BASE", "is %s; it must be between 1s and 6h", c.RetryBase)
	check(c.MessagesPerSecond > 0 && c.MessagesPerSecond <= 1000, "MESSENGER_MESSAGES_PER_SECOND", "is %v; it must be above 0 and at most 1000", c.MessagesPerSecond)
	check(c.RequestsPerMinute >= 1, "MESSENGER_REQUESTS_PER_MINUTE", "is %d; it must be at least 1", c.RequestsPerMinute)
	check(c.RuleTimeout >= 10*time.Millisecond && c.RuleTimeout <= 10*time.Second, "MESSENGER_RULE_TIMEOUT", "is %s; it must be between 10ms and 10s", c.RuleTimeout)
	check(c.StormLimit >= 1, "MESSENGER_STORM_LIMIT", "is %d; it must be at least 1", c.StormLimit)
	check(slotName.MatchString(c.Slot), "MESSENGER_SLOT", "is %q; Postgres allows 1 to 63 of a-z, 0-9 and _ in a slot's name", c.Slot)
	check(slotName.MatchString(c.Publication), "MESSENGER_PUBLICATION", "is %q; it must be 1 to 63 of a-z, 0-9 and _", c.Publication)
	check(c.MaxSlotWAL >= 64<<20, "MESSENGER_MAX_SLOT_WAL", "is %s; it must be at least 64MB", c.MaxSlotWAL)
	if c.RulesConfig != "" {
		file, err := os.Open(c.RulesConfig)
		check(err == nil, "MESSENGER_RULES_CONFIG", "is %q, which cannot be read: %v", c.RulesConfig, err)
		_ = file.Close() // also of none
	}
	check(c.UIPassword == "" || len(c.UIPassword) >= leastPassword, "MESSENGER_UI_PASSWORD", "has %d characters; it must have at least %d, because whoever knows it sees names and phone numbers",
		len(c.UIPassword), leastPassword)
	_, _, err := net.SplitHostPort(c.Listen)
	check(err == nil, "MESSENGER_LISTEN", "is %q; it must be host:port, such as 127.0.0.1:8024 or :8024", c.Listen)
	return problems
}

var slotName = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)

// variableNames maps the fields of Config, also of the structs in it, to their
// variables. Field names are unique among them.
func variableNames() map[string]string {
	names := make(map[string]string)
	collectVariables(reflect.TypeFor[Config](), names)
	return names
}

func collectVariables(t reflect.Type, names map[string]string) {
	for i := range t.NumField() {
		field := t.Field(i)
		if name := field.Tag.Get("env"); name != "" {
			names[field.Name] = name
		} else if field.Type.Kind() == reflect.Struct {
			collectVariables(field.Type, names)
		}
	}
}

// unknownVariables finds MESSENGER_ variables that mean nothing: a misspelt name
// would otherwise leave its default in force in silence.
func unknownVariables(variables map[string]string) []problem {
	known := slices.Sorted(maps.Values(variableNames()))
	var problems []problem
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if !strings.HasPrefix(name, "MESSENGER_") || slices.Contains(known, name) {
			continue
		}
		text := "is not a variable of this version"
		if near, ok := nearest(name, known); ok {
			text += "; did you mean " + near + "?"
		}
		problems = append(problems, problem{name, text})
	}
	return problems
}

// LogValue shows the configuration without passwords and phone numbers.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("database", c.Database.Redacted()),
		slog.String("mode", string(c.Mode)),
		slog.String("organisations", c.Organisations.String()),
		slog.String("rules", c.Rules.String()),
		slog.String("dispatch", c.Dispatch.String()),
		slog.String("dry_run", c.DryRun.String()),
		slog.String("sole_owner", c.SoleOwner.String()),
		slog.Int("test_numbers", len(c.TestNumbers)),
		slog.String("timezone", c.Timezone.String()),
		slog.String("quiet_hours", c.QuietHours.String()),
		slog.Int("since_days", c.SinceDays),
		slog.Duration("poll_interval", c.PollInterval),
		slog.Int("max_attempts", c.MaxAttempts),
		slog.Duration("retry_base", c.RetryBase),
		slog.Float64("messages_per_second", c.MessagesPerSecond),
		slog.Int("requests_per_minute", c.RequestsPerMinute),
		slog.Duration("rule_timeout", c.RuleTimeout),
		slog.Int("storm_limit", c.StormLimit),
		slog.String("rules_config", c.RulesConfig),
		slog.String("slot", c.Slot),
		slog.String("publication", c.Publication),
		slog.String("max_slot_wal", c.MaxSlotWAL.String()),
		slog.String("listen", c.Listen),
		slog.String("ui_password", c.UIPassword.String()),
		slog.String("ping_key", c.PingKey.String()),
		slog.String("metrics_organisations", c.MetricsFor.String()),
	)
}
