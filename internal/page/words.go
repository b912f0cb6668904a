package page

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"avni-messenger/internal/history"
)

// clock words a moment; "" if there is none.
func (h *Handler) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(h.options.Location).Format("2006-01-02 15:04:05")
}

// entity names somebody or something: Subject 1001, Sunita Devi.
func (h *Handler) entity(e history.Entity) string {
	switch {
	case e.Type == "":
		return ""
	case e.Type == "Group":
		return "Group " + e.Name
	case e.Name == "":
		return fmt.Sprintf("%s %d", e.Type, e.ID)
	}
	return fmt.Sprintf("%s %d, %s", e.Type, e.ID, h.masked(e.Name))
}

// entityPath is where to read about something, "" if there is no such place.
func entityPath(e history.Entity) string {
	switch {
	case e.Type == "Group":
		return "/messages?" + url.Values{"group": {e.Name}}.Encode()
	case e.ID == 0:
		return ""
	}
	return "/about/" + e.Type + "/" + strconv.FormatInt(e.ID, 10)
}

// short is one of Avni's delivery statuses, without what goes without saying.
func short(text string) string { return strings.TrimSuffix(text, "InAvni") }

// words makes words of a name such as opted_out or pending.
func words(name string) string {
	if name == "pending" {
		return "not heard of yet"
	}
	return strings.ReplaceAll(name, "_", " ")
}

// size words a number of bytes.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.0f kB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%d B", bytes)
}
