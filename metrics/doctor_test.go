package metrics

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// However many ask at once, the checks run once.
func TestAnswersAreShared(t *testing.T) {
	var runs atomic.Int32
	release := make(chan struct{})
	doctor := NewDoctor("1.2.3", []Check{{Name: "state", Probe: func(ctx context.Context) []Entry {
		runs.Add(1)
		<-release
		return []Entry{{Name: "state", Status: OK, Detail: map[bool]string{true: "asked by one who left"}[ctx.Err() != nil]}}
	}}})
	doctor.shared = time.Hour
	gone, leave := context.WithCancel(t.Context())
	leave()
	var asking sync.WaitGroup
	for range 40 {
		asking.Go(func() {
			if got := doctor.Health(gone); got.Status != OK || got.Version != "1.2.3" || len(got.Checks) != 1 || got.Checks[0].Detail != "" {
				t.Errorf("the answer is %+v", got)
			}
		})
	}
	close(release)
	asking.Wait()
	if n := runs.Load(); n != 1 {
		t.Errorf("the checks ran %d times for 40 who asked at once", n)
	}
	doctor.shared = 0
	if doctor.Health(t.Context()); runs.Load() != 2 {
		t.Errorf("the checks ran %d times, want a second time for who asks later", runs.Load())
	}
}
