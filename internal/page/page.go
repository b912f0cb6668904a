// Package page is what a person sees of avni-messenger in a browser: how it does, what
// became of a message, all messages of somebody, what is held and the way to release it.
// It is rendered here, loads nothing from elsewhere, and works without JavaScript.
//
// With a password it is for whoever knows it. Without one it is for browsers on the same
// machine only that come by the link which the process logs at its start, and shows no more
// than the last four digits of phone numbers. In a container requests come from the bridge
// of the network, not from the same machine: there it needs a password. Nothing personal is
// in an address or a log line: a search is sent as a form.
package page

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"avni-messenger/internal/history"
	"avni-messenger/metrics"
)

// Historian reads what the page shows; *history.Reader is one.
type Historian interface {
	Overview(context.Context) (history.Overview, error)
	Explain(context.Context, history.Question) (history.Explanation, error)
	Messages(context.Context, history.Filter) (history.Page, error)
	Organisations(context.Context) ([]history.OrganisationName, error)
}

// Actions are what the page's buttons do. Each returns a sentence for the person who
// pressed it, and an error that is fit to be shown.
type Actions interface {
	ReleaseOrganisation(ctx context.Context, organisation string) (string, error)
	// Storm releases, or else cancels, what the storm guard holds of a rule; transaction is
	// that of its source, "" for all.
	Storm(ctx context.Context, ruleID int64, transaction string, release bool) (string, error)
	ResumeRule(ctx context.Context, ruleID int64) (string, error)
}

// Options is what a Handler needs; all but Password are required.
type Options struct {
	History  Historian
	Actions  Actions
	Health   func(context.Context) metrics.Health
	Password string // "": browsers on this machine only that come by the Link, with numbers masked
	Location *time.Location
	Version  string
	Log      *slog.Logger
}

// Handler serves the page. Safe for concurrent use.
type Handler struct {
	options   Options
	door      *door
	templates map[string]*template.Template
	mux       *http.ServeMux
}

// New returns a handler for / and everything under it that nobody else serves.
func New(o Options) *Handler {
	o.Log = o.Log.With("component", "page")
	h := &Handler{options: o, door: newDoor(o.Password), mux: http.NewServeMux()}
	h.templates = h.parse()
	reading, acting := newTurns(Connections, 10), newTurns(1, 5)
	for pattern, show := range map[string]http.HandlerFunc{
		"GET /{$}": h.overview, "POST /search": h.search, "GET /about/{type}/{id}": h.about, "GET /messages": h.messages,
	} {
		h.mux.HandleFunc(pattern, h.inTurn(reading, show))
	}
	for path, act := range map[string]http.HandlerFunc{
		"/release/organisation": h.releaseOrganisation, "/storm": h.storm, "/resume/rule": h.resumeRule,
	} {
		h.mux.HandleFunc("POST "+path, h.inTurn(acting, act))
		h.mux.HandleFunc("GET "+path, toOverview)
	}
	h.mux.HandleFunc("GET /search", toOverview)
	h.mux.HandleFunc("GET /login", h.login)
	h.mux.HandleFunc("POST /login", h.enter)
	h.mux.HandleFunc("POST /logout", h.leave)
	h.mux.HandleFunc("GET /style.css", serveStyle)
	return h
}

// Connections is how many connections to the database the page uses at once.
const Connections = 3

// Link is the address that opens the page without a password; "" if there is a password.
// base is where the page is, such as http://127.0.0.1:8024.
func (h *Handler) Link(base string) string {
	if !h.door.local {
		return ""
	}
	return base + "/login?" + url.Values{"token": {h.door.key}}.Encode()
}

// ServeHTTP lets in who may see the page; others are shown the way to what they may see.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	if h.door.crossOrigin.Check(r) != nil {
		h.refuse(w, http.StatusForbidden, "This form was sent from another website. If it was not, the proxy in front of this page hides its name: let it pass on the Host header.")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	r = r.WithContext(ctx)
	open := r.URL.Path == "/login" || r.URL.Path == "/style.css"
	if !open && !h.door.admits(r) {
		h.turnAway(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// protect keeps what is shown out of caches, frames, other websites and their logs.
func protect(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
}

func toOverview(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// turnAway sends to the login, or to the state of the parts, which is for everybody.
func (h *Handler) turnAway(w http.ResponseWriter, r *http.Request) {
	switch {
	case !h.door.local:
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	case fromThisMachine(r):
		h.refuse(w, http.StatusForbidden, "Come by the link that avni-messenger has logged at its start: http://"+r.Host+"/login?token=…, of the last start. "+
			"Or set MESSENGER_UI_PASSWORD. Its state is at /state.")
	case r.URL.Path == "/" && r.Method == http.MethodGet:
		http.Redirect(w, r, "/state", http.StatusSeeOther)
	default:
		h.refuse(w, http.StatusForbidden, "Without MESSENGER_UI_PASSWORD this page is for browsers on the machine itself, such as through an SSH tunnel, and not for those behind a proxy or outside the container. Its state is at /state.")
	}
}
