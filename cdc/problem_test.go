package cdc

import "testing"

func TestProblemAsOneText(t *testing.T) {
	for _, row := range []struct {
		problem Problem
		want    string
	}{
		{Problem{"a right is missing", "run `grant it;`"}, "a right is missing: run `grant it;`"},
		{Problem{"the disk fills", "Run `alter system;`"}, "the disk fills. Run `alter system;`"},
		{Problem{Text: "it is so"}, "it is so"},
	} {
		if got := row.problem.Error(); got != row.want {
			t.Errorf("text is %q, want %q", got, row.want)
		}
	}
}
