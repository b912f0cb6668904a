package page

import "net/http"

// largestForm bounds what a form may hold, in bytes.
const largestForm = 16 << 10

// login shows the form or, without a password, lets in who comes by the link. The token does
// not stay in the address.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	switch {
	case !h.door.local:
		h.show(w, http.StatusOK, "login", view{Title: "Log in"})
	case fromThisMachine(r) && h.door.opens(r.URL.Query().Get("token")):
		http.SetCookie(w, h.door.enter(r))
		toOverview(w, r)
	case h.door.admits(r):
		toOverview(w, r)
	default:
		h.turnAway(w, r)
	}
}

func (h *Handler) enter(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	switch {
	case h.door.local:
		toOverview(w, r)
	case h.door.tries.tooMany(sender(r)):
		h.show(w, http.StatusTooManyRequests, "login", view{Title: "Log in", Said: "Too many attempts: wait some seconds, then try again."})
	case !h.door.opens(r.PostFormValue("password")):
		h.options.Log.Warn("wrong password at the page", "from", sender(r))
		h.show(w, http.StatusForbidden, "login", view{Title: "Log in", Said: "That is not the password (MESSENGER_UI_PASSWORD)."})
	default:
		http.SetCookie(w, h.door.enter(r))
		toOverview(w, r)
	}
}

func (h *Handler) leave(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, h.door.leave(r))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
