package glifictest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
)

// maxBody is the largest body Glific reads.
const maxBody = 20 << 20

// response is an answer before it is written.
type response struct {
	status int
	body   any // a string is plain text or an HTML page, everything else JSON
}

// visit is one request on its way through the server.
type visit struct {
	*Request
	http  *http.Request
	body  []byte
	doc   *parsed // of API requests
	fault Fault
	node  int // that handles it
}

// serve does what every path has in common: reading the body, faults and the record.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.visits.Done()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return
	}
	name, path := target(r)
	v := visit{
		Request: &Request{Organisation: name, Path: path, Header: withoutToken(r.Header), At: s.options.Now()},
		http:    r,
		body:    body,
	}
	switch v.Path {
	case apiPath:
		v.doc = parse(body)
		v.Operations, v.Body = v.doc.fields, string(body)
	case sessionPath:
		v.Operations = []string{map[string]string{http.MethodPost: "login", http.MethodDelete: "logout"}[r.Method]}
	}
	v.node, v.fault = s.turn(), s.fault(v.Request)
	s.write(w, r, s.record(v), v.fault)
}

// record answers a request and keeps what came of it. Only then is it written: a
// client may react at once.
func (s *Server) record(v visit) response {
	s.arrive(v.Request)
	status := 0 // if the connection is cut
	defer func() { s.leave(v.Request, status) }()
	answer := s.answer(v)
	status = answer.status
	return answer
}

// enter counts a request for Close; false: the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.visits.Add(1)
	}
	return !s.closed
}

// answer runs the request with its fault; the zero Fault is none. It cuts the
// connection by the panic that net/http knows.
func (s *Server) answer(v visit) response {
	ctx, half, f := v.http.Context(), s.options.AnswerTime/2, v.fault
	early := f.Kind != AnswerLate && f.Kind != CommitLate && f.Kind != SlowBody
	if !wait(ctx, half) || early && !f.wait(ctx) {
		panic(http.ErrAbortHandler)
	}
	if f.Kind == DropRequest {
		cut(ctx, f)
	}
	answer := s.misbehave(v)
	if !wait(ctx, half) || f.Kind == AnswerLate && !f.wait(ctx) {
		panic(http.ErrAbortHandler)
	}
	if f.Kind.cuts() {
		cut(ctx, f)
	}
	return answer
}

// cut ends a request without an answer.
func cut(ctx context.Context, f Fault) {
	if f.Hang {
		<-ctx.Done()
	}
	panic(http.ErrAbortHandler)
}

// misbehave executes the request, or what the fault wants instead.
func (s *Server) misbehave(v visit) response {
	f := v.fault
	graphQL := v.doc != nil && v.doc.operation != nil
	switch {
	case f.Kind == AnswerInstead:
		return f.page()
	case f.Kind == Unauthenticated:
		s.forget(v.http.Header.Get("Authorization"))
		return notAuthenticated
	case f.Kind == Refuse && graphQL:
		return response{http.StatusOK, refusal(v.doc, f.Text)}
	}
	answer := s.route(v)
	switch {
	case f.Kind == ExecuteThenFail:
		return f.page()
	case f.Kind == FailAfterwards && graphQL:
		return response{http.StatusOK, refusal(v.doc, f.Text)}
	}
	return answer
}

// page is what a broken server or a proxy before it answers.
func (f Fault) page() response {
	if f.Body != "" {
		return response{f.Status, f.Body}
	}
	return htmlPage(f.Status)
}

var (
	limitExceeded    = response{http.StatusTooManyRequests, "Rate limit exceeded"}
	notAuthenticated = response{http.StatusUnauthorized, errorBody("code", http.StatusUnauthorized, "Not authenticated")}
)

// errorBody is Glific's error outside GraphQL; it calls the status "status" or "code".
func errorBody(key string, status int, message string) any {
	return map[string]any{"error": map[string]any{key: status, "message": message}}
}

// htmlPage is what a proxy before Glific answers.
func htmlPage(status int) response {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return response{status, "<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>"}
}

// withoutToken is the header as it may be kept.
func withoutToken(h http.Header) http.Header {
	h = h.Clone()
	if h.Get("Authorization") != "" {
		h.Set("Authorization", "(token)")
	}
	return h
}

// address is the client's address without its port.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
