package glifictest

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
)

// The paths below an organisation's base URL.
const (
	apiPath     = "/api"
	sessionPath = "/api/v1/session"
	renewPath   = sessionPath + "/renew"
	namePath    = sessionPath + "/name"
)

// target is the organisation and the path of a request. Real Glific takes the
// organisation from the host, without "api."; here it may also be the first segment of
// the path, so that a test needs no names of hosts.
func target(r *http.Request) (organisation, path string) {
	if r.URL.Path == apiPath || strings.HasPrefix(r.URL.Path, apiPath+"/") {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		organisation, _, _ = strings.Cut(strings.TrimPrefix(host, "api."), ".")
		return organisation, r.URL.Path
	}
	organisation, path, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return organisation, "/" + path
}

// route finds what a path means.
func (s *Server) route(v visit) response {
	if strings.HasPrefix(v.http.Header.Get("Content-Type"), "application/json") && len(v.body) > 0 && !json.Valid(v.body) {
		return response{http.StatusBadRequest, "Bad Request"}
	}
	s.mu.Lock()
	organisation := s.organisations[v.Organisation]
	active := organisation != nil && !organisation.inactive
	s.mu.Unlock()
	accept := v.http.Header.Get("Accept")
	switch {
	case !active:
		return response{http.StatusForbidden, "Unauthorized"}
	case accept != "" && !strings.Contains(accept, "json") && !strings.Contains(accept, "*/*"):
		return response{http.StatusNotAcceptable, "Not Acceptable"}
	case v.http.Method == http.MethodDelete && v.Path == sessionPath:
		return s.logout(organisation, v)
	case v.Path != apiPath && v.Path != sessionPath && v.Path != renewPath && v.Path != namePath:
		return response{http.StatusNotFound, "Not Found"}
	case v.http.Method != http.MethodPost:
		return response{http.StatusMethodNotAllowed, "Method Not Allowed"}
	}
	switch v.Path {
	case apiPath:
		return s.api(organisation, v)
	case renewPath:
		return s.renew(organisation, v)
	case namePath:
		return response{http.StatusOK, map[string]any{"data": map[string]any{"name": organisation.name, "status": "active"}}}
	default:
		return s.login(organisation, v)
	}
}

// api answers a GraphQL request, in Glific's order: token, limit, 401, document.
func (s *Server) api(o *Organisation, v visit) response {
	if refused := s.admit(o, v); refused != nil {
		return *refused
	}
	switch {
	case v.doc.missing:
		return response{http.StatusBadRequest, "No query document supplied"}
	case v.fault.Kind == CommitLate:
		s.commitLate(o, v)
		return response{}
	}
	if invalid := s.invalid(v.doc); invalid != nil {
		return response{s.invalidStatus(), map[string]any{"errors": invalid}}
	}
	return response{http.StatusOK, s.execute(o, v.doc, v.fault)}
}

// admit looks at the token and the limits; nil: the request may go on.
func (s *Server) admit(o *Organisation, v visit) *response {
	s.mu.Lock()
	defer s.mu.Unlock()
	valid := o.holds(v.http.Header.Get("Authorization"), v.node)
	bucket, limit := "User: "+o.name, s.options.RequestsPerMinute
	if !valid {
		bucket, limit = address(v.http)+":"+v.Path, unauthenticatedPerMinute
	}
	switch {
	case !s.allow(v.node, bucket, limit):
		return &limitExceeded
	case !valid:
		return &notAuthenticated
	}
	return nil
}

// allow counts a call on a node. It needs the lock.
func (s *Server) allow(node int, bucket string, limit int) bool {
	return s.options.NoLimits || s.limits.allow(node, bucket, limit, s.options.Now())
}

// turn is the node that handles the next request: each in its turn, as behind a load
// balancer.
func (s *Server) turn() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turns++
	return s.turns % max(1, s.nodes)
}
