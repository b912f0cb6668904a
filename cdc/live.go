package cdc

import (
	"context"
	"time"
)

// live gives the signs of life that are due: to the server, which would end the stream,
// and to the other readers, which would take it over.
func (s *session) live(ctx context.Context) error {
	if err := s.report(time.Now()); err != nil {
		return err
	}
	return s.renew(ctx)
}

// during runs what may take long, in another goroutine, and gives signs of life until it
// returns. If that fails the work is told to end, and the error is returned.
func (s *session) during(ctx context.Context, work func(context.Context)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.conn.resumed()
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(ctx)
	}()
	tick := time.NewTicker(max(time.Millisecond, min(s.pace.status, s.store.lease/3)/2))
	defer tick.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-tick.C:
		}
		if err := s.live(ctx); err != nil {
			cancel()
			<-done
			return err
		}
	}
}
