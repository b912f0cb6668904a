package main

import (
	"fmt"
	"slices"
	"testing"
)

func TestThriftFollowsHowMuchIsDone(t *testing.T) {
	var done []string
	var allocated uint64
	thrift := &thrift{
		allocated: func() uint64 { return allocated },
		percent:   func(percent int) { done = append(done, fmt.Sprint(percent)) },
		release:   func() { done = append(done, "release") },
	}
	looks := func(n int, each uint64, want ...string) {
		t.Helper()
		done = nil
		for range n {
			allocated += each
			thrift.look()
		}
		if !slices.Equal(done, want) {
			t.Errorf("after %d looks at %d bytes each: %v, want %v", n, each, done, want)
		}
	}
	const little, much = thriftMuch, thriftMuch + 1
	looks(thriftBusy-1, much)
	looks(1, much, "100")
	looks(thriftCalm-1, little)
	looks(1, little, "30", "release")
	looks(thriftRest-1, little)
	looks(1, little, "release")
	looks(2*thriftRest, 0) // nothing to release
	looks(thriftBusy-1, much)
	looks(thriftCalm, little, "30", "release") // busy for too short a time
	looks(100, much, "100")
}

func TestThriftCountsAllocations(t *testing.T) {
	allocated := newThrift().allocated
	before := allocated()
	big := make([]byte, 1<<20)
	if after := allocated(); after < before+uint64(len(big)) {
		t.Errorf("%d bytes are allocated after %d and %d more", after, before, len(big))
	}
}
