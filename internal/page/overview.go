package page

import (
	"net/http"

	"avni-messenger/internal/history"
	"avni-messenger/metrics"
)

// overview is the first page: how it does, what needs somebody, and the search.
type overview struct {
	Health  metrics.Health
	Trouble []metrics.Entry // entries of Health that are not ok
	Read    bool            // else nothing is known of what follows
	history.Overview
}

func (h *Handler) overview(w http.ResponseWriter, r *http.Request) {
	h.showOverview(w, r, http.StatusOK, h.door.hear(r))
}

// showOverview shows the first page, with what is to be said about what was just done.
func (h *Handler) showOverview(w http.ResponseWriter, r *http.Request, code int, what told) {
	v := view{Said: what.Said, Fault: what.Fault}
	content := overview{Health: h.options.Health(r.Context())}
	for _, entry := range content.Health.Checks {
		if entry.Status != metrics.OK {
			content.Trouble = append(content.Trouble, entry)
		}
	}
	found, err := h.options.History.Overview(r.Context())
	if err != nil {
		v.Fault, code = h.fault(err)
	}
	content.Overview, content.Read = found, err == nil
	v.Title, v.Content = "Overview", content
	h.show(w, code, "overview", v)
}
