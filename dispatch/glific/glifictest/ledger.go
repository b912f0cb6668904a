package glifictest

import (
	"net/http"
	"slices"
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
	Operations   []string    // root fields of the GraphQL document, in order; "login" for a login
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
}

// leave records how a request ended.
func (s *Server) leave(r *Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Status = status
	s.inFlight--
}
