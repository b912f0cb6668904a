package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStagesStopInOrder(t *testing.T) {
	var order lockedBuffer
	wait := func(name string) stage {
		return stage{name, func(ctx context.Context) error {
			<-ctx.Done()
			order.Write([]byte(name + " "))
			return nil
		}, time.Minute}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := runStages(ctx, slog.New(slog.DiscardHandler), []stage{wait("reader"), wait("worker"), wait("dispatcher")})
	if diff := cmp.Diff("reader worker dispatcher ", order.String()); err != nil || diff != "" {
		t.Errorf("error %v, order (-want +got):\n%s", err, diff)
	}
}

func TestStagesEndWithTheFirstThatFails(t *testing.T) {
	broken := errors.New("broken")
	var log lockedBuffer
	stopped := make(chan struct{})
	err := runStages(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), []stage{
		{"reader", func(ctx context.Context) error { <-ctx.Done(); close(stopped); return nil }, time.Minute},
		{"worker", func(context.Context) error { return broken }, time.Minute},
	})
	<-stopped
	if !errors.Is(err, broken) || err.Error() != "worker: broken" {
		t.Errorf("error is %v, want worker: broken", err)
	}
	if !strings.Contains(log.String(), `err="worker: broken"`) {
		t.Errorf("the log does not tell: %s", log.String())
	}
}

func TestStagesReportAnEndWithoutReason(t *testing.T) {
	err := runStages(t.Context(), slog.New(slog.DiscardHandler), []stage{
		{"worker", func(context.Context) error { return nil }, time.Minute},
	})
	if !errors.Is(err, errEnded) {
		t.Errorf("error is %v, want %v", err, errEnded)
	}
}

func TestStagesGoOnWithoutOneThatHangs(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	var log lockedBuffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	last := false
	err := runStages(ctx, slog.New(slog.NewTextHandler(&log, nil)), []stage{
		{"worker", func(context.Context) error { <-release; return nil }, 10 * time.Millisecond},
		{"dispatcher", func(ctx context.Context) error { <-ctx.Done(); last = true; return errors.New("half done") }, time.Minute},
	})
	if err != nil || !last {
		t.Errorf("error %v, the next one was stopped: %v", err, last)
	}
	for _, want := range []string{`msg="did not stop in time; what it was doing is taken up at the next start" component=worker`,
		`msg="stopped with an error" component=dispatcher err="half done"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log.String())
		}
	}
}
