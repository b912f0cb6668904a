package dispatch

import (
	"errors"
	"testing"
	"time"
)

func TestLaneRestsAfterALookThatFoundTheEnd(t *testing.T) {
	looks := 0
	look := func(more bool, err error) func() (bool, error) {
		return func() (bool, error) { looks++; return more, err }
	}
	var l lane
	for range 3 {
		if err := l.run(look(true, nil)); err != nil {
			t.Fatal(err)
		}
	}
	if looks != 3 || !l.rests.IsZero() {
		t.Errorf("%d looks, rests until %s; want 3 in a row while there is more", looks, l.rests)
	}
	trouble := errors.New("no database")
	if err := l.run(look(false, trouble)); !errors.Is(err, trouble) || l.rests.IsZero() {
		t.Errorf("error %v, rests until %s; want %v and a rest", err, l.rests, trouble)
	}
	l.rests = time.Now().Add(time.Hour)
	if err := l.run(look(true, nil)); err != nil || looks != 4 || !l.missed {
		t.Errorf("error %v, %d looks, missed: %v; want none while it rests", err, looks, l.missed)
	}
	if wait := soonest(2*time.Hour, &lane{}, &l); wait > time.Hour || wait < 59*time.Minute {
		t.Errorf("the next look is in %s, want it in an hour", wait)
	}
	l.rests = time.Now()
	if err := l.run(look(true, nil)); err != nil || looks != 5 || l.missed {
		t.Errorf("error %v, %d looks, missed: %v; want another one after the rest", err, looks, l.missed)
	}
	if wait := soonest(2*time.Hour, &lane{}, &l); wait != 2*time.Hour {
		t.Errorf("the next look is in %s, want it when the caller says", wait)
	}
}
