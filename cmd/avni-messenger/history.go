package main

import (
	"context"
	"encoding/json"
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
	now := d.now.Load()
	s := now.byID[organisationID]
	if s == nil {
		if one := now.departure(organisationID); one != nil {
			return one.standing(), false
		}
		return history.Served{}, false
	}
	return history.Served{Mode: string(s.Mode), Held: s.Held, Fix: s.Fix}, true
}

// readHistory lets a command read, as the process with the same environment would.
func readHistory(ctx context.Context, c console, do func(Config, *history.Reader) error) error {
	return withReadingPool(ctx, c, func(ctx context.Context, cfg Config, pool *pgxpool.Pool) error {
		directory := newDirectory(pool, cfg, slog.New(slog.DiscardHandler))
		if _, err := directory.Load(ctx); err != nil {
			return err
		}
		if err := warnOfOtherSettings(ctx, c, cfg, pool, directory); err != nil {
			return err
		}
		return do(cfg, newHistory(cfg, pool, directory))
	})
}

// warnOfOtherSettings says so if a process runs with other settings than those that the
// command was given: what it tells would be of a process that does not exist.
func warnOfOtherSettings(ctx context.Context, c console, cfg Config, pool *pgxpool.Pool, directory *directory) error {
	running, err := instanceTable{pool: pool, slot: cfg.Slot, forget: instanceForgotten}.others(ctx)
	if err != nil {
		return err
	}
	ours := newInstanceSettings(cfg, directory.now.Load().standings)
	for _, other := range running {
		if other.slot != cfg.Slot {
			continue
		}
		if differences := ours.differences(cfg.Slot, other); differences != nil {
			fmt.Fprintf(c.stderr, "WARNING: the environment of this command is not that of the avni-messenger that runs: %s (this one: the command's). "+
				"What follows is told as if the settings of this environment were in force; give the command the other one's.\n\n", joinSentences(differences))
		}
	}
	return nil
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
