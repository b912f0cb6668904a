package glifictest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Template is a WhatsApp template of an organisation.
type Template struct {
	ID           int
	Label        string
	Body         string // with {{1}}, {{2}}, …
	Parameters   int    // 0: as many as words of Body hold a placeholder, and one per button with one
	Media        bool   // wants an attachment
	Type         string // empty: TEXT, or IMAGE with Media
	Language     string // empty: en
	Translations map[string]Translation
	Buttons      []Button
	Status       string // empty: APPROVED; like Glific, sending does not look at it
	Inactive     bool   // nor at this
}

// Translation is a template in another language, by its locale; contacts of that
// language get it if its Status is APPROVED.
type Translation struct {
	Body   string
	Status string // empty: APPROVED
}

// Button is a button of a template. The text and URL become part of the message.
type Button struct {
	Text string
	URL  string // empty: a quick reply; with {{1}} it takes a parameter of its own
}

// AddTemplate stores a template, or replaces the one with this id.
func (o *Organisation) AddTemplate(t Template) {
	defer o.lock()()
	o.templates[t.ID] = t.withDefaults()
}

// RemoveTemplate deletes a template.
func (o *Organisation) RemoveTemplate(id int) {
	defer o.lock()()
	delete(o.templates, id)
}

// withDefaults counts parameters as Glific does: words that hold a placeholder, so
// that "{{1}},{{2}}" counts as one.
func (t Template) withDefaults() Template {
	if t.Parameters == 0 {
		words := strings.Fields(t.Body)
		for _, b := range t.Buttons {
			words = append(words, b.URL)
		}
		for _, word := range words {
			if placeholder.MatchString(word) {
				t.Parameters++
			}
		}
	}
	if t.Status == "" {
		t.Status = "APPROVED"
	}
	if t.Language == "" {
		t.Language = "en"
	}
	if t.Type == "" {
		t.Type = "TEXT"
		if t.Media {
			t.Type = "IMAGE"
		}
	}
	t.Media = t.Type != "TEXT"
	return t
}

// text is the message's text for a contact of a language, with its placeholders. A
// translation is taken to hold its buttons.
func (t Template) text(language string) string {
	translation, ok := t.Translations[language]
	if ok && language != t.Language && (translation.Status == "" || translation.Status == "APPROVED") {
		return translation.Body
	}
	body := t.Body
	for _, b := range t.Buttons {
		if b.URL == "" {
			body += "| [" + b.Text + "] "
		} else {
			body += "| [" + b.Text + ", " + b.URL + "] "
		}
	}
	return body
}

func (x *execution) sessionTemplate(a arguments) (any, error) {
	id, err := strconv.Atoi(a.text("id"))
	t, ok := x.organisation.templates[id]
	if err != nil || !ok {
		return nil, payloadError{"Elixir.Glific.Templates.SessionTemplate", notFound}
	}
	return object{"sessionTemplate": t.object()}, nil
}

// sessionTemplates has no clamp on its limit.
func (x *execution) sessionTemplates(a arguments) (any, error) {
	filter := a.object("filter")
	var found []Template
	for _, id := range slices.Sorted(maps.Keys(x.organisation.templates)) {
		if t := x.organisation.templates[id]; t.matches(filter) {
			found = append(found, t)
		}
	}
	objects := []object{}
	for _, t := range page(found, a.object("opts"), Template.column, len(found), 0) {
		objects = append(objects, t.object())
	}
	return objects, nil
}

func (t Template) matches(filter arguments) bool {
	if filter.has("isActive") && filter.flag("isActive") == t.Inactive || filter.has("isHsm") && !filter.flag("isHsm") {
		return false
	}
	return filter.equals("status", t.Status) && filter.ilike("label", t.Label) && filter.ilike("body", t.Body) && filter.ilike("term", t.Label+" "+t.Body)
}

func (t Template) column(name string) string {
	if name == "id" {
		return strconv.Itoa(t.ID)
	}
	return t.Label
}

func (t Template) object() object {
	translations := map[string]any{}
	for locale, tr := range t.Translations {
		translations[languageID(locale)] = map[string]any{"body": tr.Body, "status": tr.Status, "language_id": languageID(locale)}
	}
	buttons := []any{}
	for _, b := range t.Buttons {
		if b.URL == "" {
			buttons = append(buttons, map[string]any{"type": "QUICK_REPLY", "text": b.Text})
		} else {
			buttons = append(buttons, map[string]any{"type": "URL", "text": b.Text, "url": b.URL})
		}
	}
	return object{
		"id":               strconv.Itoa(t.ID),
		"label":            t.Label,
		"shortcode":        t.Label,
		"body":             t.Body,
		"type":             t.Type,
		"isHsm":            true,
		"isSource":         false,
		"isReserved":       false,
		"status":           t.Status,
		"isActive":         !t.Inactive,
		"numberParameters": t.Parameters,
		"category":         "UTILITY",
		"hasButtons":       len(t.Buttons) > 0,
		"buttons":          encoded(buttons),
		"translations":     encoded(translations),
		"language":         language(t.Language),
	}
}

// languageID is a language's id: those of Glific's seeds for English and Hindi.
func languageID(locale string) string {
	return strconv.Itoa(slices.Index(locales, locale) + 1)
}

// locales are the languages of every organisation, in order of their ids.
var locales = []string{"en", "hi", "mr", "gu", "ta", "kn", "or", "pa", "bn", "ne"}

var languageNames = map[string]string{"en": "English", "hi": "Hindi", "ne": "Nepali"}

func language(locale string) object {
	label, ok := languageNames[locale]
	if !ok {
		label = locale
	}
	return object{"id": languageID(locale), "label": label, "labelLocale": label, "locale": locale, "isActive": true}
}
