package cdc

import (
	"strings"
	"testing"
)

// A table whose rows cannot be told apart by what is published of them must not be published.
func TestIdentityProblem(t *testing.T) {
	users := findTable("users")
	for _, row := range []struct {
		name, identity string
		columns        []string
		lists          bool
		want           string // "" for none
	}{
		{"the default", "d", []string{"id"}, true, ""},
		{"the default without primary key", "d", nil, true, "table users has no primary key: let its owner run `alter table \"public\".\"users\" add primary key (id);`"},
		{"nothing", "n", nil, false, "table users has no replica identity: run `alter table"},
		{"an index that is gone", "i", nil, true, "table users has no replica identity"},
		{"an index on what is not published", "i", []string{"username"}, true, "table users has column username in its replica identity, which is not published"},
		{"the same where whole rows are", "i", []string{"username"}, false, ""},
		{"full", "f", nil, true, "table users has replica identity FULL"},
		{"full where whole rows are published", "f", nil, false, ""},
	} {
		got := ""
		if p := identityProblem(users, row.identity, row.columns, row.lists); p != nil {
			got = p.Error()
		}
		if !strings.HasPrefix(got, row.want) || (got == "") != (row.want == "") {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}
