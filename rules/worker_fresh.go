package rules

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A change may be evaluated only with rules and settings at least as new as it is. The
// stream counts their versions and stores a new one before, or together with, whatever
// came after it: so whoever looks at the inbox and then at the version knows what the
// changes there need. Other processes are told of it, too, but that may come late.

const versionSQL = `select version from messenger.reference_version`

// freshen brings what the batch is evaluated with up to the version.
func (b *batch) freshen(ctx context.Context, version int64) error {
	if err := b.options.Fresh(ctx, version); err != nil {
		_ = b.giveBack(ctx) // or the claims lapse
		return fmt.Errorf("read rules and settings anew: %w", err)
	}
	if err := b.stillAllowed(ctx); err != nil {
		return err
	}
	b.org, _ = b.options.Directory.Organisation(b.org.ID)
	return nil
}

// ignore drops changes of an organisation whose rules are not ours to run. It returns
// how many.
func (w *Worker) ignore(ctx context.Context, organisationID int32) (int, error) {
	version, err := w.freshVersion(ctx)
	if err != nil {
		return 0, err
	}
	if org, known := w.options.Directory.Organisation(organisationID); !known || org.Treatment != Ignore {
		w.Wake()
		return 0, errTreatment
	}
	var n int64
	err = pgx.BeginFunc(ctx, w.options.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, ignoreSQL, organisationID, 1000, outcomeIgnored, "the organisation's rules are not run here")
		if err != nil {
			return err
		}
		n = tag.RowsAffected()
		var now int64
		if err := tx.QueryRow(ctx, versionSQL).Scan(&now); err != nil {
			return err
		}
		if now != version {
			w.Wake()
			return errTreatment
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("ignore changes: %w", err)
	}
	w.options.Metrics.outcomes.WithLabelValues(string(outcomeIgnored)).Add(float64(n))
	return int(n), nil
}

// freshVersion brings everything up to date, and returns the version that it is.
func (w *Worker) freshVersion(ctx context.Context) (version int64, err error) {
	if err := w.options.Pool.QueryRow(ctx, versionSQL).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the version of rules and settings: %w", err)
	}
	if err := w.options.Fresh(ctx, version); err != nil {
		return 0, fmt.Errorf("read rules and settings anew: %w", err)
	}
	return version, nil
}
