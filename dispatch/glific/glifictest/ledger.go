package glifictest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Delivery is one message that reached a phone.
type Delivery struct {
	Organisation string
	Phone        string
	TemplateID   int
	Parameters   []string
	Body         string // the rendered text
	SendAt       time.Time
	At           time.Time
	MessageID    string
}

// Request is one HTTP request the server has received.
type Request struct {
	Organisation string
	Path         string      // below the base URL: /api or /api/v1/session
	Operations   []string    // root fields of the GraphQL document, in order, each as often as it stands there; "login" for a login
	Header       http.Header // without the token
	Status       int         // 0: still executing, or the connection was dropped
	Body         string      // of API requests; never of logins
	At           time.Time
}

const requestsKept = 10_000

// Ledger is every delivery so far, in order.
func (s *Server) Ledger() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ledger)
}

// Requests is every request so far, in order of arrival; only the last 10 000 are kept.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Request
	for _, r := range s.requests[max(0, len(s.requests)-requestsKept):] {
		all = append(all, *r)
	}
	return all
}

// Logins counts the successful logins of an organisation.
func (s *Server) Logins(organisation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.organisations[organisation]; o != nil {
		return o.logins
	}
	return 0
}

// DeliveryKey is what makes two deliveries copies of one another.
type DeliveryKey struct {
	Organisation, Phone string
	TemplateID          int
	Parameters          string // joined with "|"
}

// Copies counts the deliveries of each message.
func (s *Server) Copies() map[DeliveryKey]int {
	copies := map[DeliveryKey]int{}
	for _, d := range s.Ledger() {
		copies[DeliveryKey{d.Organisation, d.Phone, d.TemplateID, strings.Join(d.Parameters, "|")}]++
	}
	return copies
}

// Operation counts for PeakRate how often a root field of an organisation stands in a
// request.
func Operation(organisation, operation string) func(Request) int {
	return func(r Request) int {
		n := 0
		for _, o := range r.Operations {
			if r.Organisation == organisation && o == operation {
				n++
			}
		}
		return n
	}
}

// PeakRate is the highest sum of counts over the requests of any span of time: with
// Operation(name, "login") the logins, with Operation(name, "createAndSendMessage")
// the messages, whatever came of them.
func (s *Server) PeakRate(span time.Duration, count func(Request) int) int {
	requests := s.Requests()
	first, sum, peak := 0, 0, 0
	for _, r := range requests {
		sum += count(r)
		for ; r.At.Sub(requests[first].At) >= span; first++ {
			sum -= count(requests[first])
		}
		peak = max(peak, sum)
	}
	return peak
}

// PeakInFlightOf is the highest number of an organisation's requests with a root field
// that were executing at once.
func (s *Server) PeakInFlightOf(organisation, operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flights[flight{organisation, operation}].peak
}

// PeakInFlight is the highest number of API requests that were executing at once.
func (s *Server) PeakInFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peakInFlight
}

// arrive records a request.
func (s *Server) arrive(r *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	if len(s.requests) > 2*requestsKept {
		s.requests = slices.Clone(s.requests[requestsKept:])
	}
	s.inFlight++
	s.peakInFlight = max(s.peakInFlight, s.inFlight)
	for _, f := range r.flights() {
		c := s.flights[f]
		c.now++
		c.peak = max(c.peak, c.now)
		s.flights[f] = c
	}
}

// leave records how a request ended.
func (s *Server) leave(r *Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Status = status
	s.inFlight--
	for _, f := range r.flights() {
		c := s.flights[f]
		c.now--
		s.flights[f] = c
	}
}

// flight is what PeakInFlightOf tells apart.
type flight struct{ organisation, operation string }

type flightCount struct{ now, peak int }

func (r *Request) flights() []flight {
	var list []flight
	for _, o := range r.Operations {
		if f := (flight{r.Organisation, o}); !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return list
}
