package page

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"avni-messenger/internal/history"
)

// list is a page of messages and what it was asked for.
type list struct {
	Filter        history.Filter
	Query         url.Values // of the address
	Organisations []history.OrganisationName
	Statuses      []string
	Read          bool // else nothing is known of messages
	history.Page
}

// statuses are Avni's delivery statuses.
var statuses = []string{"NotSent", "Sent", "Failed", "NotSentNoPhoneNumberInAvni", "NotSentInvalidPhoneNumberInAvni", "PartiallySent"}

func (h *Handler) messages(w http.ResponseWriter, r *http.Request) {
	content := list{Query: r.URL.Query(), Statuses: statuses}
	filter, why := h.filter(content.Query)
	if why != "" {
		h.show(w, http.StatusBadRequest, "said", view{Title: "Messages", Fault: why})
		return
	}
	content.Filter = filter
	v, code := view{Title: "Messages"}, http.StatusOK
	if err := h.list(r.Context(), &content); err != nil {
		v.Fault, code = h.fault(err)
	} else {
		content.Read = true
	}
	v.Content = content
	h.show(w, code, "messages", v)
}

// list reads a page of messages. All of the queue is too much: it is that of a receiver, or
// of an organisation, the first one if none is named.
func (h *Handler) list(ctx context.Context, l *list) (err error) {
	if l.Organisations, err = h.options.History.Organisations(ctx); err != nil {
		return err
	}
	if l.Filter.OrganisationID == 0 && !l.OfReceiver() {
		if len(l.Organisations) == 0 {
			return nil
		}
		l.Filter.OrganisationID = l.Organisations[0].ID
		l.Query.Set("organisation", strconv.Itoa(int(l.Filter.OrganisationID)))
	}
	l.Page, err = h.options.History.Messages(ctx, l.Filter)
	return err
}

// OfReceiver is true of the messages to somebody, of whatever organisation.
func (l list) OfReceiver() bool { return l.Filter.ReceiverID != 0 || l.Filter.GroupID != "" }

// filter reads the address. why says what is wrong with it, "" if nothing is.
func (h *Handler) filter(query url.Values) (f history.Filter, why string) {
	f = history.Filter{Status: query.Get("status"), Reason: query.Get("reason"), GroupID: query.Get("group"), After: query.Get("after")}
	for _, values := range query {
		for _, value := range values {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return f, "The address holds what is no text."
			}
		}
	}
	if id := query.Get("organisation"); id != "" {
		n, err := strconv.ParseInt(id, 10, 32)
		if err != nil {
			return f, "The organisation is named by its id."
		}
		f.OrganisationID = int32(n)
	}
	if to := query.Get("to"); to != "" {
		kind, id, _ := strings.Cut(to, ":")
		n, err := strconv.ParseInt(id, 10, 32) // the column is of type int4
		if err != nil || n <= 0 || kind != "Subject" && kind != "User" {
			return f, "A receiver is named as Subject:1001 or User:202."
		}
		f.ReceiverType, f.ReceiverID = kind, n
	}
	for _, bound := range []struct {
		name string
		at   *time.Time
		days int
	}{{"from", &f.From, 0}, {"until", &f.To, 1}} {
		if text := query.Get(bound.name); text != "" {
			day, err := time.ParseInLocation(time.DateOnly, text, h.options.Location)
			if err != nil {
				return f, "A day is written as 2026-11-26."
			}
			*bound.at = day.AddDate(0, 0, bound.days)
		}
	}
	return f, ""
}

// More is the address of the next page, "" if this was the last.
func (l list) More() string {
	if l.Next == "" {
		return ""
	}
	return l.with("after", l.Next)
}

// First is the address of the first page, "" if this is it.
func (l list) First() string {
	if l.Filter.After == "" {
		return ""
	}
	return l.with("after", "")
}

func (l list) with(name, value string) string {
	query := url.Values{}
	for key, values := range l.Query {
		if values[0] != "" && key != name {
			query.Set(key, values[0])
		}
	}
	if value != "" {
		query.Set(name, value)
	}
	return "/messages?" + query.Encode()
}
