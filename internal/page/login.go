package page

import "net/http"

// largestForm bounds what a form may hold, in bytes.
const largestForm = 16 << 10

func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	if h.options.Password == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	h.show(w, http.StatusOK, "login", view{Title: "Log in"})
}

func (h *Handler) enter(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	switch {
	case h.options.Password == "":
		http.Redirect(w, r, "/", http.StatusSeeOther)
	case h.door.tooMany():
		h.show(w, http.StatusTooManyRequests, "login", view{Title: "Log in", Said: "Too many attempts: wait some seconds, then try again."})
	case !h.door.opens(r.PostFormValue("password")):
		h.options.Log.Warn("wrong password at the page", "from", r.RemoteAddr)
		h.show(w, http.StatusForbidden, "login", view{Title: "Log in", Said: "That is not the password (MESSENGER_UI_PASSWORD)."})
	default:
		http.SetCookie(w, h.door.enter(r))
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func (h *Handler) leave(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, h.door.leave(r))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
