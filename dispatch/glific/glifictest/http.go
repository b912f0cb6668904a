package glifictest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// maxBody is the largest body Glific reads.
const maxBody = 20 << 20

// The paths below an organisation's base URL.
const (
	apiPath     = "/api"
	sessionPath = "/api/v1/session"
)

// response is an answer before it is written.
type response struct {
	status int
	body   any // a string is plain text or an HTML page, everything else JSON
}

// visit is one request on its way through the server.
type visit struct {
	*Request
	http *http.Request
	body []byte
	doc  *parsed // of API requests
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
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	v := visit{&Request{Organisation: name, Path: "/" + path, Header: withoutToken(r.Header), At: s.options.Now()}, r, body, nil}
	switch v.Path {
	case apiPath:
		v.doc = parse(body)
		v.Operations, v.Body = v.doc.fields, string(body)
	case sessionPath:
		v.Operations = []string{"login"}
	}
	s.arrive(v.Request)
	status := 0
	defer func() { s.leave(v.Request, status) }()
	answer := s.answer(v, s.fault(v.Request))
	s.write(w, answer)
	status = answer.status
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

// answer runs the request with a fault; the zero Fault is none. It cuts the
// connection by the panic that net/http knows.
func (s *Server) answer(v visit, f Fault) response {
	before, after := s.options.AnswerTime/2, s.options.AnswerTime/2
	if f.Kind == AnswerLate {
		after += f.Delay
	} else {
		before += f.Delay
	}
	if !wait(v.http.Context(), before) || f.Kind == DropRequest {
		panic(http.ErrAbortHandler)
	}
	answer := s.misbehave(v, f)
	if !wait(v.http.Context(), after) || f.Kind == LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	return answer
}

// misbehave executes the request, or what the fault wants instead.
func (s *Server) misbehave(v visit, f Fault) response {
	switch {
	case f.Kind == AnswerInstead:
		return htmlPage(f.Status)
	case f.Kind == Unauthenticated:
		s.forget(v.http.Header.Get("Authorization"))
		return notAuthenticated
	case f.Kind == Refuse && v.doc != nil && v.doc.operation != nil:
		return response{http.StatusOK, refusal(v.doc, f.Text)}
	}
	answer := s.route(v)
	if f.Kind == ExecuteThenFail {
		return htmlPage(f.Status)
	}
	return answer
}

// route finds what a path means.
func (s *Server) route(v visit) response {
	if strings.HasPrefix(v.http.Header.Get("Content-Type"), "application/json") && len(v.body) > 0 && !json.Valid(v.body) {
		return response{http.StatusBadRequest, "Bad Request"}
	}
	s.mu.Lock()
	organisation := s.organisations[v.Organisation]
	s.mu.Unlock()
	switch accept := v.http.Header.Get("Accept"); {
	case organisation == nil:
		return response{http.StatusForbidden, "Unauthorized"}
	case accept != "" && !strings.Contains(accept, "json") && !strings.Contains(accept, "*/*"):
		return response{http.StatusNotAcceptable, "Not Acceptable"}
	case v.Path != apiPath && v.Path != sessionPath:
		return response{http.StatusNotFound, "Not Found"}
	case v.http.Method != http.MethodPost:
		return response{http.StatusMethodNotAllowed, "Method Not Allowed"}
	case v.Path == apiPath:
		return s.api(organisation, v.http, v.doc)
	default:
		return s.login(organisation, v.http, v.body)
	}
}

// api answers a GraphQL request, in Glific's order: token, limit, 401, document.
func (s *Server) api(o *Organisation, r *http.Request, doc *parsed) response {
	s.mu.Lock()
	valid := o.holds(r.Header.Get("Authorization"))
	bucket, limit := "User: "+o.name, s.options.RequestsPerMinute
	if !valid {
		bucket, limit = address(r)+":"+apiPath, unauthenticatedPerMinute
	}
	allowed := s.allow(bucket, limit)
	s.mu.Unlock()
	switch {
	case !allowed:
		return limitExceeded
	case !valid:
		return notAuthenticated
	case doc.missing:
		return response{http.StatusBadRequest, "No query document supplied"}
	default:
		return response{http.StatusOK, s.execute(o, doc)}
	}
}

// allow needs the lock.
func (s *Server) allow(bucket string, limit int) bool {
	return s.options.NoLimits || s.limits.allow(bucket, limit, s.options.Now())
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

func (s *Server) write(w http.ResponseWriter, answer response) {
	text, isText := answer.body.(string)
	switch {
	case isText && strings.HasPrefix(text, "<"):
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	case isText:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	default:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	w.WriteHeader(answer.status)
	if isText {
		_, _ = io.WriteString(w, text) // the client may be gone
		return
	}
	_ = json.NewEncoder(w).Encode(answer.body)
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
