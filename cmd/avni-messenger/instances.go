package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// instances notices other processes on the same database whose settings differ in what
// decides about messages. It only tells: nothing depends on it, and nothing waits for it.
type instances struct {
	table    instanceTable
	log      *slog.Logger
	settings func() instanceSettings
	reload   func(context.Context) error // makes settings current
	explain  func(error) *obstacle
	every    time.Duration // how often this process is noted

	wake chan struct{}
	now  atomic.Pointer[meeting] // nil before the first

	// Only Run's goroutine uses these.
	noted     []byte              // settings as they were stored last
	suspected map[string]struct{} // holders that differed at the last meeting
	trouble   string
}

// meeting is what was seen of the other processes.
type meeting struct {
	at      time.Time
	same    int // processes of the slot, this one among them
	unequal []unequal
	trouble *obstacle // why nothing was seen since; nil if it was
}

// unequal is a process whose settings differ.
type unequal struct {
	instance
	differences string
	sameSlot    bool
}

// instanceForgotten is how long a process is believed to run after it was seen.
const instanceForgotten = 30 * time.Second

// meetingTimeout bounds one meeting, so that a database that hangs keeps no connection.
const meetingTimeout = 5 * time.Second

func newInstances(a *app) *instances {
	host, _ := os.Hostname()
	return &instances{
		table: instanceTable{pool: a.pool, slot: a.cfg.Slot, forget: instanceForgotten,
			holder: fmt.Sprintf("%s:%d:%s", host, os.Getpid(), rand.Text()[:8])},
		log:      a.log.With("component", "instances"),
		settings: func() instanceSettings { return newInstanceSettings(a.cfg, a.directory.now.Load().standings) },
		reload:   a.reloadOrganisations,
		explain:  func(err error) *obstacle { return explain(err, a.cfg) },
		every:    10 * time.Second,
		wake:     make(chan struct{}, 1), suspected: make(map[string]struct{}),
	}
}

// Wake tells that the settings may have changed. It never blocks.
func (i *instances) Wake() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// full returns the organisations that other processes of the slot serve in mode full.
func (i *instances) full(ctx context.Context) ([]int32, error) { return i.table.full(ctx) }

// Run notes this process and looks at the others until ctx ends, then takes this
// process away and returns nil.
func (i *instances) Run(ctx context.Context) error {
	beat := time.NewTimer(0)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			i.leave(ctx)
			return nil
		case <-i.wake:
			if settings, err := json.Marshal(i.settings()); err == nil && bytes.Equal(settings, i.noted) {
				continue
			}
		case <-beat.C:
		}
		if i.meet(ctx) { // it may be this process that does not know the latest
			if err := i.reload(ctx); err != nil {
				i.log.Debug("organisations were not read again", "err", i.explain(err).Error())
			}
		}
		beat.Reset(i.every)
	}
}

// meet is one meeting. A process that differs is told of when it differs for the second
// time in a row: settings that change in Avni are not seen by all at the same moment. The
// first time is a suspicion.
func (i *instances) meet(ctx context.Context) (suspicion bool) {
	ctx, cancel := context.WithTimeout(ctx, meetingTimeout)
	defer cancel()
	ours := i.settings()
	others, err := i.note(ctx, ours)
	if err != nil {
		i.fail(ctx, err)
		return false
	}
	i.trouble = ""
	seen, suspected := &meeting{at: time.Now(), same: 1}, make(map[string]struct{})
	for _, other := range others {
		if other.slot == i.table.slot {
			seen.same++
		}
		differences := ours.differences(i.table.slot, other)
		if differences == nil {
			continue
		}
		suspected[other.holder] = struct{}{}
		if _, again := i.suspected[other.holder]; !again {
			suspicion = true
			continue
		}
		seen.unequal = append(seen.unequal, unequal{other, joinSentences(differences), other.slot == i.table.slot})
	}
	i.suspected = suspected
	i.tell(i.now.Swap(seen), seen)
	return suspicion
}

// note stores this process and returns the others.
func (i *instances) note(ctx context.Context, ours instanceSettings) ([]instance, error) {
	settings, err := json.Marshal(ours)
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	others, err := i.table.meet(ctx, settings)
	if err == nil {
		i.noted = settings
	}
	return others, err
}

// fail keeps what was seen last, and says once what is wrong. ctx is the meeting's.
func (i *instances) fail(ctx context.Context, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return // the process stops
	}
	reason := i.explain(err)
	last := meeting{}
	if seen := i.now.Load(); seen != nil {
		last = *seen
	}
	last.trouble = reason
	i.now.Store(&last)
	if i.trouble != reason.Detail {
		i.trouble = reason.Detail
		i.log.Warn("it is not known whether other processes have the same settings", "err", reason.Error())
	}
}

// leave lets others know at once that this process has stopped.
func (i *instances) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := i.table.leave(ctx); err != nil {
		i.log.Debug("other processes forget this one by themselves", "err", i.explain(err).Error())
	}
}
