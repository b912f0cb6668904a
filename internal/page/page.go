// Package page is what a person sees of avni-messenger in a browser: how it does, what
// became of a message, all messages of somebody, what is held and the way to release it.
// It is rendered here, loads nothing from elsewhere, and works without JavaScript.
//
// With a password it is for whoever knows it. Without one it is for browsers on the same
// machine only, and shows no more than the last four digits of phone numbers. Nothing
// personal is in an address or a log line: a search is sent as a form.
package page

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"avni-messenger/internal/history"
	"avni-messenger/metrics"
)

// Historian reads what the page shows; *history.Reader is one.
type Historian interface {
	Overview(context.Context) (history.Overview, error)
	Explain(context.Context, history.Question) (history.Explanation, error)
	Messages(context.Context, history.Filter) (history.Page, error)
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
	Password string // "": browsers on this machine only, with numbers masked
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
	h.mux.HandleFunc("GET /{$}", h.overview)
	h.mux.HandleFunc("POST /search", h.search)
	h.mux.HandleFunc("GET /about/{type}/{id}", h.about)
	h.mux.HandleFunc("GET /messages", h.messages)
	h.mux.HandleFunc("POST /release/organisation", h.releaseOrganisation)
	h.mux.HandleFunc("POST /storm", h.storm)
	h.mux.HandleFunc("POST /resume/rule", h.resumeRule)
	h.mux.HandleFunc("GET /login", h.login)
	h.mux.HandleFunc("POST /login", h.enter)
	h.mux.HandleFunc("POST /logout", h.leave)
	h.mux.HandleFunc("GET /style.css", serveStyle)
	return h
}

// ServeHTTP lets in who may see the page; others are shown the way to what they may see.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	if h.door.crossOrigin.Check(r) != nil {
		h.refuse(w, r, http.StatusForbidden, "This form was sent from another website.")
		return
	}
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

// turnAway sends to the login, or to the state of the parts, which is for everybody.
func (h *Handler) turnAway(w http.ResponseWriter, r *http.Request) {
	switch {
	case h.options.Password != "":
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	case r.URL.Path == "/" && r.Method == http.MethodGet:
		http.Redirect(w, r, "/state", http.StatusSeeOther)
	default:
		h.refuse(w, r, http.StatusForbidden, "Without MESSENGER_UI_PASSWORD this page is for browsers on the machine itself, such as through an SSH tunnel. Its state is at /state.")
	}
}
