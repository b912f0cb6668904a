package glifictest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// write writes an answer; the faults of its body stop or end it in the middle.
func (s *Server) write(w http.ResponseWriter, r *http.Request, answer response, f Fault) {
	kind, body := rendition(answer.body)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	w.WriteHeader(answer.status)
	half := len(body) / 2
	if f.Kind != TruncateBody && f.Kind != SlowBody {
		half = len(body)
	}
	_, _ = w.Write(body[:half]) // the client may be gone
	if half == len(body) {
		return
	}
	if http.NewResponseController(w).Flush() != nil || f.Kind == TruncateBody || !f.wait(r.Context()) {
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body[half:])
}

// rendition is a body with its content type: a string is an HTML page, JSON text or
// plain text, anything else becomes JSON.
func rendition(body any) (contentType string, text []byte) {
	const isJSON = "application/json; charset=utf-8"
	switch b, isText := body.(string); {
	case !isText:
		return isJSON, append([]byte(encoded(body)), '\n')
	case strings.HasPrefix(b, "<"):
		return "text/html; charset=utf-8", []byte(b)
	case json.Valid([]byte(b)):
		return isJSON, []byte(b)
	default:
		return "text/plain; charset=utf-8", []byte(b)
	}
}

func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // what the server writes is made of strings, numbers and lists of them
	}
	return string(text)
}
