package glifictest

import (
	"maps"
	"slices"
	"strconv"
)

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
		t := x.organisation.templates[id]
		wanted := !filter.has("isActive") || filter.flag("isActive") != t.Inactive
		if filter.has("isHsm") && !filter.flag("isHsm") {
			wanted = false
		}
		if wanted && filter.equals("status", t.Status) && filter.ilike("label", t.Label) && filter.ilike("body", t.Body) && filter.ilike("term", t.Label+" "+t.Body) {
			found = append(found, t)
		}
	}
	objects := []object{}
	for _, t := range page(found, a.object("opts"), Template.column, len(found), 0) {
		objects = append(objects, t.object())
	}
	return objects, nil
}

func (t Template) column(name string) string {
	if name == "id" {
		return strconv.Itoa(t.ID)
	}
	return t.Label
}

func (t Template) object() object {
	kind := "TEXT"
	if t.Media {
		kind = "IMAGE"
	}
	return object{
		"id":               strconv.Itoa(t.ID),
		"label":            t.Label,
		"shortcode":        t.Label,
		"body":             t.Body,
		"type":             kind,
		"isHsm":            true,
		"status":           t.Status,
		"isActive":         !t.Inactive,
		"numberParameters": t.Parameters,
		"hasButtons":       false,
		"translations":     "{}",
	}
}
