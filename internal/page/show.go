package page

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"avni-messenger/internal/history"
)

//go:embed html
var files embed.FS

// view is what every template is given; Content is its own.
type view struct {
	Title    string
	Said     string // to the person who has just done something
	Fault    string // what could not be shown, and why
	Content  any
	Version  string
	Zone     string
	At       time.Time
	LoggedIn bool // with a password: there is a way out
}

// parse reads the templates, each with the layout around it. They are part of the
// program, so that a mistake in one shows in every test.
func (h *Handler) parse() map[string]*template.Template {
	parsed := map[string]*template.Template{}
	for _, name := range []string{"overview", "answer", "messages", "login", "said"} {
		parsed[name] = template.Must(template.New("layout.html").Funcs(template.FuncMap{
			"clock": h.clock, "number": h.number, "text": h.masked, "entity": h.entity, "path": entityPath,
			"short": short, "words": words, "size": size,
		}).ParseFS(files, "html/layout.html", "html/parts.html", "html/"+name+".html"))
	}
	return parsed
}

// show renders a page as a whole before anything of it is sent.
func (h *Handler) show(w http.ResponseWriter, code int, name string, v view) {
	v.Version, v.Zone, v.At, v.LoggedIn = h.options.Version, h.options.Location.String(), time.Now(), !h.door.local && name != "login"
	var text bytes.Buffer
	if err := h.templates[name].Execute(&text, v); err != nil {
		h.options.Log.Error("page cannot be shown", "page", name, "kind", kindOf(err))
		http.Error(w, "This page cannot be shown; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(text.Bytes()) // fails only if the client has gone
}

// refuse says why something is not done.
func (h *Handler) refuse(w http.ResponseWriter, code int, why string) {
	h.show(w, code, "said", view{Title: "Not done", Fault: why})
}

// fault words why something could not be read. What it does not know may hold personal
// data, and goes neither to the page nor to the log beyond its kind.
func (h *Handler) fault(err error) (string, int) {
	var slow *history.TooSlow
	var unknown *history.UnknownOrganisation
	var cursor *history.BadCursor
	switch {
	case errors.As(err, &slow):
		return slow.Error(), http.StatusGatewayTimeout
	case errors.As(err, &unknown):
		return unknown.Error(), http.StatusNotFound
	case errors.As(err, &cursor):
		return cursor.Error(), http.StatusBadRequest
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("The database did not answer within %s, and it was given up.", patience), http.StatusGatewayTimeout
	}
	h.options.Log.Warn("the database could not be read for the page", "kind", kindOf(err))
	return "The database could not be read; the state of the parts says what is wrong.", http.StatusServiceUnavailable
}

// kindOf is what may be logged of an error: its words may hold what was asked for.
func kindOf(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return "SQLSTATE " + refused.Code
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return fmt.Sprintf("%T", err)
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=3600")
	http.ServeFileFS(w, r, files, "html/style.css")
}
