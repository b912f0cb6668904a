package glific_test

import (
	"testing"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

func TestCurrentUser(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	for _, row := range []struct {
		role              string
		hindi, restricted bool
		want              glific.User
		enough            bool
	}{
		{"Manager", false, false, glific.User{Roles: []string{"Manager"}, Language: "en"}, true},
		{"Admin", true, true, glific.User{Roles: []string{"Admin"}, Language: "hi", Restricted: true}, true},
		{"Staff", false, false, glific.User{Roles: []string{"Staff"}, Language: "en"}, false},
	} {
		s.asha.SetRole(row.role)
		s.asha.SetHindi(row.hindi)
		s.asha.SetRestricted(row.restricted)
		got, err := s.CurrentUser(t.Context())
		if d := cmp.Diff(row.want, got); d != "" || err != nil || got.MaySend() != row.enough {
			t.Errorf("%s: %s%t, %v", row.role, d, got.MaySend(), err)
		}
	}
	s.asha.SetRole("No access")
	s.asha.SetHindi(false)
	_, err := s.CurrentUser(t.Context())
	wantError(t, err, glific.Wait, glific.RoleTooLow)
}

func TestCurrentUserOfAnOddAnswer(t *testing.T) {
	_, err := newFixedAnswer(t, `{"data":{"currentUser":{"user":null}}}`).CurrentUser(t.Context())
	wantError(t, err, glific.Uncertain, glific.BadAnswer)
}
