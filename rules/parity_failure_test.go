package rules

import "testing"

func TestSameFailure(t *testing.T) {
	for _, row := range []struct {
		ours, theirs string
		want         bool
	}{
		{"throw: Error: no phone (line 3, column 1)", "no phone", true},
		{"throw: Error: no phone", "Error: no phone", true},
		{"throw: Error: no phone", "no address", false},
		{"throw: TypeError: Cannot read property 'x' of undefined (line 1, column 2)", "Cannot read properties of undefined (reading 'x')", true},
		{"throw: TypeError: Cannot read property 'x' of undefined or null", "Cannot read property 'x' of null", true},
		{"throw: TypeError: Cannot read property 'x' of undefined", "Cannot read properties of undefined (reading 'y')", false},
		{"throw: TypeError: Object has no member 'getIt' (line 1, column 2)", "params.entity.getIt is not a function", true},
		{"throw: TypeError: Object has no member 'getIt'", "params.entity.getOther is not a function", false},
		{"throw: ReferenceError: x is not defined (line 1, column 2)", "x is not defined", true},
		{"throw: ", "", false},
		{"", "", false},
	} {
		if got := sameFailure(row.ours, row.theirs); got != row.want {
			t.Errorf("sameFailure(%q, %q) is %t", row.ours, row.theirs, got)
		}
	}
}
