package cdc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// prepare looks at the database, sets up what is missing if nothing was ever set up,
// and refuses what would lose changes.
func (r *Reader) prepare(ctx context.Context) (Inspection, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	pooled, in, err := r.survey(ctx)
	if err != nil {
		return in, err
	}
	defer pooled.Release()
	conn := pooled.Conn()
	if !in.Position.Exists && !r.established {
		if _, err := Setup(ctx, conn, r.names); err != nil {
			return in, fmt.Errorf("set up: %w", err)
		}
		if in, err = Inspect(ctx, conn, r.names); err != nil {
			return in, err
		}
	}
	r.established = r.established || in.Position.Exists
	if err := r.usable(in); err != nil {
		return in, err
	}
	return in, r.claim(ctx, conn, in)
}

// survey takes a connection from the pool and inspects the database, both quickly: a
// network that swallows everything leaves connections that are dead and do not know it,
// and then all that are in the pool are thrown away.
func (r *Reader) survey(ctx context.Context) (*pgxpool.Conn, Inspection, error) {
	limited, cancel := context.WithTimeout(ctx, r.pace.survey)
	defer cancel()
	pooled, err := r.options.Pool.Acquire(limited)
	var in Inspection
	if err == nil {
		if in, err = Inspect(limited, pooled, r.names); err != nil {
			pooled.Release()
		}
	}
	if limited.Err() != nil && ctx.Err() == nil {
		r.options.Pool.Reset()
	}
	return pooled, in, err
}

// usable reports why a stream cannot or must not be started.
func (r *Reader) usable(in Inspection) error {
	if problems := in.serverProblems(); len(problems) > 0 {
		return misconfigured(errors.Join(problems...))
	}
	if !in.Position.Exists {
		return r.positionDeleted()
	}
	if err := in.gap(r.names); err != nil {
		return err
	}
	if describe(in.Publication.Differences, true) != "" {
		return in.wrongShape(r.names, true)
	}
	r.warn(in)
	return nil
}

// positionDeleted is not repaired: somebody wanted it.
func (r *Reader) positionDeleted() error {
	return &trouble{state: SlotLost, reason: reasonLost, err: fmt.Errorf("the stored position of slot %q was deleted while avni-messenger ran (by teardown?): "+
		"restart avni-messenger to set the stream up anew", r.names.Slot)}
}

// warn logs a publication that costs more than it needs to, once.
func (r *Reader) warn(in Inspection) {
	text := describe(in.Publication.Differences, false)
	if in.Publication.Detached {
		text = detachedNote(r.names)
	}
	if text == r.warned {
		return
	}
	r.warned = text
	switch {
	case in.Publication.Detached:
		r.log.Warn(text)
	case text != "":
		r.log.Warn("publication is not as it should be", "err", in.wrongShape(r.names, false))
	}
}
