package glific_test

import (
	"testing"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

func TestTemplate(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	s.asha.AddTemplate(glifictest.Template{ID: 7020, Body: "{{1}},{{2}}", Status: "REJECTED", Inactive: true, Language: "hi"})
	for id, want := range map[int]glific.Template{
		7001: {ID: 7001, NumberParameters: 2, Type: "TEXT", Status: "APPROVED", Active: true, Language: "en", Body: "Namaste {{1}}, welcome to {{2}}."},
		7010: {ID: 7010, NumberParameters: 1, Type: "IMAGE", Status: "APPROVED", Active: true, Language: "en", Body: "Camp on {{1}}"},
		7020: {ID: 7020, NumberParameters: 1, Type: "TEXT", Status: "REJECTED", Language: "hi", Body: "{{1}},{{2}}"},
	} {
		got, ok, err := s.Template(t.Context(), id)
		if d := cmp.Diff(want, got); d != "" || !ok || err != nil {
			t.Errorf("%s%t, %v", d, ok, err)
		}
	}
	if got, ok, err := s.Template(t.Context(), 4711); ok || err != nil {
		t.Errorf("no template: %+v, %t, %v", got, ok, err)
	}
	s.asha.SetRole("No access")
	_, _, err := s.Template(t.Context(), 7001)
	wantError(t, err, glific.Wait, glific.RoleTooLow)
}

func TestTemplateOfAnOddAnswer(t *testing.T) {
	for _, body := range []string{
		`{"data":{"sessionTemplate":{"sessionTemplate":{"id":"8","numberParameters":1}}}}`,
		`{"data":{"sessionTemplate":{"sessionTemplate":{"id":"7","numberParameters":null}}}}`,
		`{"data":{"sessionTemplate":null}}`,
	} {
		_, ok, err := newFixedAnswer(t, body).Template(t.Context(), 7)
		if ok {
			t.Errorf("a template was found in %s", body)
		}
		wantError(t, err, glific.Uncertain, glific.BadAnswer)
	}
	got, ok, err := newFixedAnswer(t, `{"data":{"sessionTemplate":{"sessionTemplate":{"id":7,"numberParameters":0,"language":null}}}}`).Template(t.Context(), 7)
	if d := cmp.Diff(glific.Template{ID: 7}, got); d != "" || !ok || err != nil {
		t.Errorf("%s%t, %v", d, ok, err)
	}
}
