package glific_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
)

// party is a client whose calls wait for each other: all of them for a login, which a
// test lets through.
type party struct {
	*glific.Client
	login     chan struct{}
	intercept func(*http.Request) *http.Response // nil, or it returns nil: nothing
}

func (s setup) party(o glific.Options) *party {
	p := &party{login: make(chan struct{})}
	o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/session") {
			<-p.login
		} else if p.intercept != nil {
			if answer := p.intercept(r); answer != nil {
				return answer, nil
			}
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	p.Client = s.client(o)
	return p
}

// again makes the calls wait for the next login as well.
func (p *party) again() *party {
	p.login = make(chan struct{})
	return p
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// announced is a context that tells when somebody begins to wait with it.
type announced struct {
	context.Context
	waiting func()
}

func (a announced) Done() <-chan struct{} {
	a.waiting()
	return a.Context.Done()
}

// start begins a call and returns when it waits in the client.
func start(ctx context.Context, group *sync.WaitGroup, call func(context.Context)) {
	waiting := make(chan struct{})
	group.Go(func() { call(announced{ctx, sync.OnceFunc(func() { close(waiting) })}) })
	<-waiting
}

// together has calls wait in this order, lets them go, and waits for their ends.
func (p *party) together(contexts []context.Context, call func(ctx context.Context, i int)) {
	var group sync.WaitGroup
	for i, ctx := range contexts {
		start(ctx, &group, func(ctx context.Context) { call(ctx, i) })
	}
	close(p.login)
	group.Wait()
}

// sendTogether sends messages in as few documents as may be.
func (p *party) sendTogether(t *testing.T, messages []glific.Message) ([]glific.Sent, []error) {
	sent, errs := make([]glific.Sent, len(messages)), make([]error, len(messages))
	p.together(slices.Repeat([]context.Context{t.Context()}, len(messages)), func(ctx context.Context, i int) {
		sent[i], errs[i] = p.Send(ctx, messages[i])
	})
	return sent, errs
}

// messages are messages to so many contacts.
func (s setup) messages(n int) []glific.Message {
	var list []glific.Message
	for i := range n {
		contact := s.asha.AddOptedInContact(phoneOf(i), "Sita")
		list = append(list, glific.Message{TemplateID: 7001, ContactID: contact, Parameters: []string{fmt.Sprint("no. ", i), "Kevadia"}, SendAt: sendTime})
	}
	return list
}

func phoneOf(i int) string { return fmt.Sprintf("9198765%05d", i) }

// sizes are how many fields of a kind each document had, in order.
func sizes(s *glifictest.Server, operation string) []int {
	var list []int
	for _, r := range s.Requests() {
		if slices.Contains(r.Operations, operation) {
			list = append(list, len(r.Operations))
		}
	}
	return list
}

// delivered counts the messages that reached each phone.
func delivered(s *glifictest.Server) map[string]int {
	count := make(map[string]int)
	for _, d := range s.Ledger() {
		count[d.Phone]++
	}
	return count
}
