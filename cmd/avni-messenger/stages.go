package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// stage is a part of the process that runs until its context ends.
type stage struct {
	name  string
	run   func(context.Context) error
	grace time.Duration // how long it may take to stop
}

// errEnded is a stage's return without having been told to.
var errEnded = errors.New("it ended by itself")

// runStages runs all stages side by side until ctx ends or one of them does. Then it
// stops them one after the other, in their order: each may still rely on those after
// it. It returns why a stage ended by itself, or nil.
func runStages(ctx context.Context, log *slog.Logger, stages []stage) error {
	ended := make(chan error, len(stages))
	stops := make([]func(), len(stages))
	for i, s := range stages {
		stops[i] = start(ctx, log, s, ended)
	}
	var cause error
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case cause = <-ended:
		log.Error("stopping", "err", cause)
	}
	for _, stop := range stops {
		stop()
	}
	return cause
}

// start runs a stage in the background and returns what stops it. A stage that ends
// before reports that.
func start(ctx context.Context, log *slog.Logger, s stage, ended chan<- error) (stop func()) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := s.run(running)
		if running.Err() == nil {
			if err == nil {
				err = errEnded
			}
			ended <- fmt.Errorf("%s: %w", s.name, err)
		} else if err != nil {
			log.Warn("stopped with an error", "component", s.name, "err", err)
		}
	}()
	return func() {
		cancel()
		select {
		case <-done:
			log.Debug("stopped", "component", s.name)
		case <-time.After(s.grace):
			log.Warn("did not stop in time; what it was doing is taken up at the next start", "component", s.name, "grace", s.grace.String())
		}
	}
}
