package page

import (
	"net/http"
	"regexp"
	"strings"

	"avni-messenger/internal/history"
)

// answer is what was found about something.
type answer struct {
	Asked    string
	Searched bool // by a form, so that what was asked for is in no address
	history.Explanation
}

// search answers a question that was typed. It is sent as a form and answered at once: an
// address, which browsers and proxies keep, never holds a phone number.
func (h *Handler) search(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	asked := strings.TrimSpace(r.PostFormValue("question"))
	if asked == "" {
		h.showOverview(w, r, http.StatusBadRequest, told{Said: "Type a phone number, a uuid, or the number of a request."})
		return
	}
	h.explain(w, r, history.Question{Text: asked, Organisation: strings.TrimSpace(r.PostFormValue("organisation"))}, true)
}

var (
	kinds = regexp.MustCompile(`^(Subject|User|ProgramEnrolment|Encounter|ProgramEncounter|Request|Rule)$`)
	ids   = regexp.MustCompile(`^[0-9]{1,18}$`)
)

// about answers for what a link names: by id, which says nothing to others.
func (h *Handler) about(w http.ResponseWriter, r *http.Request) {
	kind, id := r.PathValue("type"), r.PathValue("id")
	if !kinds.MatchString(kind) || !ids.MatchString(id) {
		h.refuse(w, http.StatusNotFound, "There is nothing at this address.")
		return
	}
	h.explain(w, r, history.Question{Text: kind + ":" + id}, false)
}

func (h *Handler) explain(w http.ResponseWriter, r *http.Request, question history.Question, searched bool) {
	found, err := h.options.History.Explain(r.Context(), question)
	if err != nil {
		fault, code := h.fault(err)
		h.show(w, code, "said", view{Title: "Search", Fault: fault})
		return
	}
	asked := question.Text
	if len(found.Phones) > 0 || !found.Known { // else it is an id
		asked = h.masked(asked)
	}
	code := http.StatusOK
	if !found.Known {
		code = http.StatusNotFound
	}
	h.show(w, code, "answer", view{Title: "What is known", Content: answer{Asked: asked, Searched: searched, Explanation: found}})
}
