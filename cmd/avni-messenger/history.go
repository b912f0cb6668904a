package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/dispatch"
	"avni-messenger/internal/history"
)

// newHistory returns what tells of messages and of how the whole does, as the settings
// have it.
func newHistory(cfg Config, pool *pgxpool.Pool, directory *directory) *history.Reader {
	return history.New(history.Options{
		Pool: pool, Names: cfg.names(), Location: cfg.Timezone.Location(), Window: cfg.window(),
		QuietHours: cfg.quietHours(),
		RulesOff:   !bool(cfg.Rules), SendingOff: !bool(cfg.Dispatch),
		Served: directory.served,
	})
}

// quietHours are those of the settings, in their zone.
func (c Config) quietHours() dispatch.QuietHours {
	return dispatch.QuietHours{From: c.QuietHours.From, To: c.QuietHours.To, Location: c.Timezone.Location()}
}

// served says how an organisation is served, for people.
func (d *directory) served(organisationID int32) (history.Served, bool) {
	s := d.now.Load().byID[organisationID]
	if s == nil {
		return history.Served{}, false
	}
	return history.Served{Mode: string(s.Mode), Held: s.Held, Fix: s.Fix}, true
}

// readHistory lets a command read, as the process with the same environment would.
func readHistory(ctx context.Context, c console, do func(Config, *history.Reader) error) error {
	cfg, err := parseConfig(c.environ)
	if err != nil {
		return err
	}
	setLocalTime(cfg.Timezone)
	pool, err := openPool(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	directory := newDirectory(pool, cfg, slog.New(slog.DiscardHandler))
	if _, err := directory.Load(ctx); err != nil {
		return explain(err, cfg)
	}
	err = do(cfg, newHistory(cfg, pool, directory))
	var slow *history.TooSlow
	var unknown *history.UnknownOrganisation
	if err == nil || errors.As(err, &slow) || errors.As(err, &unknown) || errors.Is(err, errNotAll) {
		return err
	}
	return explain(err, cfg)
}

// printJSON writes a value for a program.
func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
