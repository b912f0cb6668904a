package dispatch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/dispatch/glific"
)

// mortal is a sender whose process can die at a step.
type mortal struct {
	sender
	die func(step string) bool
}

var errDead = errors.New("the process has died")

func (m *mortal) ContactByPhone(ctx context.Context, phone string) (glific.Contact, bool, error) {
	if m.die("before contact_by_phone") {
		return glific.Contact{}, false, errDead
	}
	return m.sender.ContactByPhone(ctx, phone)
}

func (m *mortal) OptinContact(ctx context.Context, phone, name string) (glific.Contact, error) {
	contact, err := m.sender.OptinContact(ctx, phone, name)
	m.die("after optin_contact")
	return contact, err
}

func (m *mortal) Send(ctx context.Context, message glific.Message) (glific.Sent, error) {
	if m.die("before send") {
		return glific.Sent{}, errDead
	}
	sent, err := m.sender.Send(ctx, message)
	m.die("after send")
	return sent, err
}

func (m *mortal) FindSent(ctx context.Context, contact string, template int, sendAt time.Time) (glific.Found, error) {
	if m.die("before find_sent") {
		return glific.Found{}, errDead
	}
	found, err := m.sender.FindSent(ctx, contact, template, sendAt)
	m.die("after find_sent")
	return found, err
}

// startMortal runs a dispatcher on a pool of its own that dies when a step is reached:
// nothing that it does afterwards reaches the database. The channel closes at its death.
func (s *stage) startMortal(at string) <-chan struct{} {
	s.Helper()
	return s.startMortalAfter(at, 1)
}

// startMortalAfter is one that survives the step a number of times, less one, and before
// it dies lets something happen.
func (s *stage) startMortalAfter(at string, times int32, before ...func()) <-chan struct{} {
	s.Helper()
	pool, err := pgxpool.New(context.Background(), s.db.URL())
	s.must(err)
	dead := make(chan struct{})
	var once sync.Once
	var reached atomic.Int32
	die := func(step string) bool {
		if step != at || reached.Add(1) < times {
			return false
		}
		once.Do(func() {
			for _, happen := range before {
				happen()
			}
			pool.Close()
			close(dead)
		})
		return true
	}
	_, stop := s.start(func(o *Options) {
		o.Pool = pool
		render := o.Renderer
		o.Renderer = renderFunc(func(ctx context.Context, r Request) (Rendered, error) {
			if die("render") {
				return Rendered{}, errDead
			}
			return render.Render(ctx, r)
		})
		o.connect = func(a glific.Account) sender {
			return &mortal{sender: glific.NewClient(a, o.Glific), die: die}
		}
	})
	s.Cleanup(func() { once.Do(pool.Close) })
	ended := make(chan struct{})
	go func() { <-dead; stop(); close(ended) }()
	return ended
}
