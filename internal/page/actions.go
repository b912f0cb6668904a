package page

import (
	"context"
	"net/http"
	"strconv"
)

// act does what a button is for and leads to the first page, which says what came of it.
func (h *Handler) act(w http.ResponseWriter, r *http.Request, what string, do func(context.Context) (string, error)) {
	said, err := do(r.Context())
	if err != nil {
		h.options.Log.Warn("a button of the page failed", "button", what, "kind", kindOf(err))
		h.door.tell(r, told{Fault: err.Error()})
	} else {
		h.options.Log.Info("a button of the page was pressed", "button", what, "from", sender(r))
		h.door.tell(r, told{Said: said})
	}
	toOverview(w, r)
}

func (h *Handler) releaseOrganisation(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	h.act(w, r, "release organisation", func(ctx context.Context) (string, error) {
		return h.options.Actions.ReleaseOrganisation(ctx, r.PostFormValue("organisation"))
	})
}

func (h *Handler) storm(w http.ResponseWriter, r *http.Request) {
	rule, ok := h.rule(w, r)
	if !ok {
		return
	}
	release := r.PostFormValue("do") == "release"
	if !release && r.PostFormValue("do") != "cancel" {
		h.refuse(w, http.StatusBadRequest, "The form does not say whether to release or to cancel.")
		return
	}
	h.act(w, r, r.PostFormValue("do")+" held messages", func(ctx context.Context) (string, error) {
		return h.options.Actions.Storm(ctx, rule, r.PostFormValue("transaction"), release)
	})
}

func (h *Handler) resumeRule(w http.ResponseWriter, r *http.Request) {
	rule, ok := h.rule(w, r)
	if !ok {
		return
	}
	h.act(w, r, "resume rule", func(ctx context.Context) (string, error) {
		return h.options.Actions.ResumeRule(ctx, rule)
	})
}

// rule reads which rule a form is about; false: it has answered that there is none.
func (h *Handler) rule(w http.ResponseWriter, r *http.Request) (int64, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	id, err := strconv.ParseInt(r.PostFormValue("rule"), 10, 64)
	if err != nil {
		h.refuse(w, http.StatusBadRequest, "The form does not name a rule.")
		return 0, false
	}
	return id, true
}
