package dispatch

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// cutter is a proxy before Glific that cuts the connection of requests that hold certain
// texts.
type cutter struct {
	http.Handler
	mu    sync.Mutex
	texts []string // all of one request
	cuts  int
}

// cutter puts one before Asha Gramin's Glific.
func (s *stage) cutter() *cutter {
	s.Helper()
	glific, err := url.Parse(s.glific.URL(""))
	s.must(err)
	proxy := httputil.NewSingleHostReverseProxy(glific)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // Glific cut it itself
	c := &cutter{Handler: proxy}
	server := httptest.NewServer(c)
	s.Cleanup(server.Close)
	s.organisations[0].Glific.BaseURL = server.URL + "/asha"
	return c
}

// cut has requests that hold all of these texts cut from now on; none: no request.
func (c *cutter) cut(texts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = texts
}

// hits is how many requests were cut.
func (c *cutter) hits() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || c.matches(body) {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.Handler.ServeHTTP(w, r)
}

func (c *cutter) matches(body []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	missing := func(text string) bool { return !bytes.Contains(body, []byte(text)) }
	if len(c.texts) == 0 || slices.ContainsFunc(c.texts, missing) {
		return false
	}
	c.cuts++
	return true
}

// A request whose look-up alone is cut is to blame itself, however little else there is
// to ask: it is given up in the end, and no other waits for it.
func TestRequestThatAloneIsCutIsGivenUp(t *testing.T) {
	for name, test := range map[string]struct {
		texts []string
		queue func(*stage) int64
	}{
		"its template": {[]string{"sessionTemplate", "7002"}, func(s *stage) int64 { return s.queueRule(workerRule, asha, "User", meena) }},
		"its contact":  {[]string{"contactByPhone", rameshPhone}, func(s *stage) int64 { return s.queueRule(welcomeRule, ramesh, "Subject", ramesh) }},
		"its group":    {[]string{"organization", "isSuspended"}, func(s *stage) int64 { return s.queuePlain(s.asha.AddGroup("camp", s.contacts(1).contacts...)) }},
		"its members":  {[]string{"contactGroups"}, func(s *stage) int64 { return s.queueNamed(s.asha.AddGroup("camp", s.people(1).contacts...)) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			c := s.cutter()
			first := s.queueRule(welcomeRule, asha, "Subject", asha)
			d, _ := s.start(calm, func(o *Options) { o.Settings.MaxAttempts, o.Settings.ShortPause = 3, time.Hour })
			s.awaitState(first, stateAccepted) // so that the others need ask Glific for nothing
			c.cut(test.texts...)
			others := []int64{s.queueRule(welcomeRule, 5000, "Subject", asha)}
			poisoned := test.queue(s)
			d.Wake(avnitest.AshaGramin)
			s.await("it was cut", func() bool { return c.hits() > 0 })
			others = append(others, s.queueRule(welcomeRule, 5001, "Subject", asha))
			d.Wake(avnitest.AshaGramin)
			for _, id := range others {
				if r := s.awaitState(id, stateAccepted); r.Outcomes != "accepted" {
					t.Errorf("another message is %+v", r)
				}
			}
			if r := s.awaitReason(poisoned, stateRefused, GaveUp); r.Outcomes != "retry retry refused" || r.Attempts != 3 {
				t.Errorf("the message that is always cut is %+v", r)
			}
			if lines := s.log.lines(t, "deliveries are paused"); len(lines) != 0 {
				t.Errorf("the organisation is paused: %v", lines)
			}
		})
	}
}

// A send in doubt that cannot be looked up stays in doubt, and stops nobody.
func TestSendInDoubtWhoseLookUpIsCutStopsNobody(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	c := s.cutter()
	first := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start(calm, patient, func(o *Options) { o.Settings.ShortPause = time.Hour })
	s.awaitState(first, stateAccepted)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.LoseAnswer})
	doubtful := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	d.Wake(avnitest.AshaGramin)
	s.awaitReason(doubtful, stateUncertain, LostAnswer)
	c.cut("search")
	s.await("it was looked up in vain", func() bool { s.ask(); return c.hits() > 3 }) // a look is tried three times
	other := s.queueRule(welcomeRule, 5000, "Subject", asha)
	d.Wake(avnitest.AshaGramin)
	s.awaitState(other, stateAccepted)
	if r := s.awaitReason(doubtful, stateUncertain, LostAnswer); r.Attempts != 1 || r.Outcomes != "uncertain" {
		t.Errorf("the message in doubt is %+v", r)
	}
	c.cut()
	s.await("it is found", func() bool { s.ask(); return s.row(doubtful).State == string(stateAccepted) })
	if n := len(s.bodies(rameshPhone)); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	if lines := s.log.lines(t, "deliveries are paused"); len(lines) != 0 {
		t.Errorf("the organisation is paused: %v", lines)
	}
}

func TestMessageWhoseReceiptIsCutHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	c := s.cutter()
	ids := s.acceptedAll(5)
	poisoned := ids[3]
	c.cut("Receipt", `"`+s.row(poisoned).Message+`"`)
	f := s.follower()
	s.lookAfter(f, firstLook)
	for _, id := range ids {
		want := receiptRow{Status: "delivered", Open: true, Looked: true}
		if id == poisoned {
			want.Status = "pending"
		}
		s.wantReceipt(id, want)
	}
	if p, on := f.brake.holds(s.clock.Now()); on {
		t.Errorf("the organisation is paused: %+v", p)
	}
	hits := c.hits()
	for range len(receiptLooks) {
		s.lookAfter(f, 24*time.Hour)
	}
	s.wantReceipt(poisoned, receiptRow{Status: "pending", Looked: true})
	if lines := s.log.lines(t, "does not tell"); len(lines) != 1 || c.hits() == hits {
		t.Errorf("it is told by %v, after %d and %d requests that were cut", lines, hits, c.hits())
	}
}

func TestCutReceiptsOfAGlificThatAnswersNothingAreLookedAtAgain(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	ids := s.acceptedAll(3)
	s.glific.Inject(glifictest.Fault{Operation: "message", Kind: glifictest.DropRequest, Times: -1})
	s.glific.Inject(glifictest.Fault{Operation: "currentUser", Kind: glifictest.DropRequest, Times: -1})
	f := s.follower()
	s.lookAfter(f, firstLook)
	if p, on := f.brake.holds(s.clock.Now()); !on || p.reason != Unreachable {
		t.Errorf("the pause is %+v", p)
	}
	s.wantReceipt(ids[0], receiptRow{Status: "pending", Open: true})
	s.glific.ClearFaults()
	s.lookAfter(f, receiptLease)
	for _, id := range ids {
		s.wantReceipt(id, receiptRow{Status: "delivered", Open: true, Looked: true})
	}
}
