package rules

import (
	"strings"
	"testing"
)

// A village's class is a file of openchs-models that is loaded when a rule asks for it.
const lateClass = `const Village = params.entity.lowestAddressLevel.constructor; `

// TestModelsThatAreLoadedLate checks that they are there, and belong to no rule.
func TestModelsThatAreLoadedLate(t *testing.T) {
	in := readInput(t, "subject")
	for _, row := range []struct{ name, rule, want string }{
		{"is the class", lateClass + `return {parameters: [Village.name.slice(-12), params.entity.lowestAddressLevel instanceof Village, Village.schema.name]}`, "AddressLevel,true,AddressLevel"},
		{"is frozen", lateClass + `return {parameters: [Village, Village.prototype, Village.schema].map(Object.isFrozen)}`, "true,true,true"},
		{"is changed", lateClass + `Village.prototype.shout = () => 'a!'; return {parameters: [params.entity.lowestAddressLevel.shout()]}`, "a!"},
		{"is as it was", lateClass + `return {parameters: [typeof Village.prototype.shout, Object.isFrozen(Village)]}`, "undefined,true"},
	} {
		e := testEngine(t)
		got, err := e.Parameters(t.Context(), asha, "({params}) => { "+row.rule+" }", in)
		if answer := strings.Join(got, ","); err != nil || answer != row.want {
			t.Errorf("%s: %s, %v; want %s", row.name, answer, err, row.want)
		}
	}
}

// TestRuntimeIsSmall counts the objects that rules can reach, of which every organisation has
// its own: 2600, and 4600 with all models.
func TestRuntimeIsSmall(t *testing.T) {
	e := engineWith(t, EngineOptions{})
	if n := len(e.pool.spare.freezer.seen); n > 3000 {
		t.Errorf("a new runtime has %d objects, want at most 3000", n)
	}
}

// TestFunctionsShareWhatNobodyAsksFor counts what would be one object for each function.
func TestFunctionsShareWhatNobodyAsksFor(t *testing.T) {
	rule := `({params, imports: {lodash}}) => ({parameters: [
  lodash.map.prototype === lodash.filter.prototype, Object.isFrozen(lodash.map.prototype),
  (class {}).prototype === (function () {}).prototype, (function () {}).prototype.constructor.name,
  lodash.prototype === lodash.map.prototype, params.entity.constructor.prototype.constructor === params.entity.constructor,
]})`
	got, err := testEngine(t).Parameters(t.Context(), asha, rule, readInput(t, "subject"))
	if answer := strings.Join(got, ","); err != nil || answer != "true,true,false,,false,true" {
		t.Errorf("%s, %v", answer, err)
	}
}
