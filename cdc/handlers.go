package cdc

import (
	"context"
	"errors"
	"fmt"
)

// errOverdue says that a handler has not come to an end in its time.
var errOverdue = errors.New("rules and settings could not be read")

// handle calls a handler for a limited time. Handlers are never called side by side: not
// for the stream, for notices or for Refresh. An error is counted, unless
// whoever asked has gone.
func (r *Reader) handle(ctx context.Context, handler func(context.Context) error) error {
	select {
	case r.handling <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.handling }()
	limited, cancel := context.WithTimeout(ctx, r.pace.handler)
	defer cancel()
	err := handler(limited)
	if err == nil || ctx.Err() != nil {
		return err
	}
	r.options.Metrics.handlerErrors.Inc()
	if limited.Err() != nil {
		return fmt.Errorf("%w in %s: %w", errOverdue, r.pace.handler, err)
	}
	return err
}

// load has everything read anew that the handlers keep.
func (r *Reader) load(ctx context.Context) error {
	return r.handle(ctx, func(ctx context.Context) error {
		version, err := r.version(ctx) // before, so that what comes later is read once more
		if err != nil {
			return err
		}
		return r.loadAs(ctx, version)
	})
}

// Refresh has everything read anew that the handlers keep, unless they have done so since
// it came to be of that version. Whoever evaluates calls it with the version in
// messenger.reference_version that a look into the inbox has been followed by.
func (r *Reader) Refresh(ctx context.Context, version int64) error {
	if r.known.Load() == version {
		return nil
	}
	return r.handle(ctx, func(ctx context.Context) error {
		version, err := r.version(ctx)
		if err != nil || r.known.Load() == version { // somebody else was quicker
			return err
		}
		return r.loadAs(ctx, version)
	})
}

func (r *Reader) loadAs(ctx context.Context, version int64) error {
	if r.options.Started != nil {
		if err := r.options.Started(ctx); err != nil {
			return err
		}
	}
	r.known.Store(version)
	return nil
}

func (r *Reader) version(ctx context.Context) (version int64, err error) {
	if err := r.options.Pool.QueryRow(ctx, `select version from messenger.reference_version`).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the version of rules and settings: %w", err)
	}
	return version, nil
}

// referenced hands changes over that have led from one version to another. Whoever knew
// all that was before knows all of it then.
func (r *Reader) referenced(ctx context.Context, changes []Change, since, version int64) error {
	return r.handle(ctx, func(ctx context.Context) error {
		if r.options.Reference != nil {
			if err := r.options.Reference(ctx, changes); err != nil {
				return err
			}
		}
		r.known.CompareAndSwap(since, version)
		return nil
	})
}

func (r *Reader) stored() {
	if r.options.Stored != nil {
		r.options.Stored()
	}
}
