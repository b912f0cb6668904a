package glifictest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

func TestCopies(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	ids := f.members(2)
	f.send(1, ids[0], `["a","b"]`)
	f.send(1, ids[0], `["a ","b"]`)
	f.send(1, ids[0], `["a","c"]`)
	f.send(1, ids[1], `["a","b"]`)
	want := map[glifictest.DeliveryKey]int{
		{Organisation: "asha", Phone: "919800000000", TemplateID: 1, Parameters: "a|b"}: 2,
		{Organisation: "asha", Phone: "919800000000", TemplateID: 1, Parameters: "a|c"}: 1,
		{Organisation: "asha", Phone: "919800000001", TemplateID: 1, Parameters: "a|b"}: 1,
	}
	if d := cmp.Diff(want, f.Copies()); d != "" {
		t.Error(d)
	}
}

// Rates count root fields, so that aliases hide nothing; spans are not those of the clock.
func TestPeakRate(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{})
	f.members(3)
	for _, n := range []int{1, 3, 2, 1} {
		if _, err := f.try(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		clock.Advance(15 * time.Second)
	}
	f.login("asha", userPhone)
	peaks := []int{
		f.PeakRate(15*time.Second, glifictest.Operation("asha", "createAndSendMessage")),
		f.PeakRate(30*time.Second, glifictest.Operation("asha", "createAndSendMessage")),
		f.PeakRate(time.Minute, glifictest.Operation("asha", "createAndSendMessage")),
		f.PeakRate(time.Minute, glifictest.Operation("seva", "createAndSendMessage")),
		f.PeakRate(time.Minute, glifictest.Operation("asha", "login")),
		f.PeakRate(time.Hour, glifictest.Operation("asha", "login")),
		f.PeakRate(time.Hour, func(glifictest.Request) int { return 1 }),
	}
	if d := cmp.Diff([]int{3, 5, 7, 0, 1, 2, 6}, peaks); d != "" {
		t.Error(d)
	}
}

// Requests in flight are told apart by organisation and root field.
func TestPeakInFlight(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.members(2)
	hold := make(chan struct{})
	f.Inject(glifictest.Fault{Operation: "createAndSendMessage", Times: 3, Until: hold})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := f.try(context.WithoutCancel(t.Context()), 2); err != nil {
				t.Error(err)
			}
		})
	}
	f.eventually("3", func() string { return fmt.Sprint(f.PeakInFlightOf("asha", "createAndSendMessage")) })
	f.query(`{ currentUser { user { id } } }`, "")
	close(hold)
	wg.Wait()
	for range 3 {
		f.query(`{ organization { organization { id } } }`, "")
	}
	got := []int{f.PeakInFlight(), f.PeakInFlightOf("asha", "currentUser"), f.PeakInFlightOf("asha", "organization"), f.PeakInFlightOf("seva", "organization")}
	if d := cmp.Diff([]int{4, 1, 1, 0}, got); d != "" {
		t.Error(d)
	}
}

// A request is kept with its headers, its root fields and its status; one that was cut
// has none.
func TestRequestsAreKept(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.members(2)
	f.Inject(glifictest.Fault{Kind: glifictest.LoseAnswer})
	if answer, err := f.try(t.Context(), 2); err == nil {
		t.Error(answer)
	}
	f.SetMostRootFields(1)
	f.SetInvalidStatus(http.StatusBadRequest)
	if _, err := f.try(t.Context(), 2); err != nil {
		t.Error(err)
	}
	f.Close()
	var seen []string
	for _, r := range f.Requests()[1:] {
		seen = append(seen, fmt.Sprint(r.Organisation, r.Path, " ", strings.Join(r.Operations, "+"), " ", r.Header.Get("Authorization"), " ", r.Status))
	}
	want := []string{"asha/api createAndSendMessage+createAndSendMessage (token) 0", "asha/api createAndSendMessage+createAndSendMessage (token) 400"}
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
}
