package rules

import (
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/dop251/goja"
)

// maxCallDepth is how deeply JavaScript calls may nest. Node.js allows about ten thousand;
// goja's natives recurse in Go, where a thousand take well under 100 ms.
const maxCallDepth = 1024

// maxTimers is how many virtual timers a rule's promise may wait for.
const maxTimers = 10_000

// maxFunctions is how many rules' functions a runtime keeps.
const maxFunctions = 256

// errPending is the failure of a rule whose promise nothing is left to resolve.
var errPending = &Failure{Kind: FailedThrow, Message: "the rule's promise never settles"}

// A jsRuntime is one JavaScript world: globals, libraries, Avni's models. It serves one
// organisation, one evaluation at a time.
type jsRuntime struct {
	js              *goja.Runtime
	dateConstructor goja.Value
	datePrototype   *goja.Object
	dateValueOf     goja.Value // Date.prototype.valueOf, and how a Date becomes a number
	dateToPrimitive goja.Value
	shapes          map[string]*shape
	runRule         goja.Callable // (rule, entityType, that, user, groups) → JSON text or promise
	runTimer        goja.Callable // () → whether a timer ran
	reset           goja.Callable
	halt            goja.Callable // never returns

	frozen      bool         // all that rules share
	typeErrors  *goja.Object // TypeError.prototype
	freezer     *freezer
	functions   map[*goja.Program]goja.Value // of rules whose function keeps nothing
	concepts    map[*Record]*model           // of this evaluation
	late        *lateReader                  // of this evaluation
	console     consoleOutput
	aborted     error                 // why the host ended this evaluation
	spoilt      bool                  // something of this evaluation stays for the next
	spent       bool                  // no other evaluation may follow
	interrupted atomic.Pointer[error] // why js is: natives have to look themselves
	depth       int                   // of natives in each other
	evaluations int
}

// newRuntime makes a runtime by running the bundle in it: about 20 ms, and as much again if
// all that rules share is to be frozen.
func newRuntime(bundle *goja.Program, options EngineOptions, frozen bool) (*jsRuntime, error) {
	v := &jsRuntime{
		js:        goja.New(),
		shapes:    map[string]*shape{},
		concepts:  map[*Record]*model{},
		functions: map[*goja.Program]goja.Value{},
		console:   consoleOutput{wanted: options.Console != nil},
		frozen:    frozen,
	}
	v.js.SetMaxCallStackSize(maxCallDepth)
	v.js.SetTimeSource(options.Now)
	v.keepDate()
	v.typeErrors = v.js.Get("TypeError").ToObject(v.js).Get("prototype").ToObject(v.js)
	v.freezer = newFreezer(v)
	if err := v.prepare(options.RulesConfig); err != nil {
		return nil, fmt.Errorf("prepare rules runtime: %w", err)
	}
	if _, err := v.js.RunProgram(bundle); err != nil {
		return nil, bundleError(err)
	}
	if v.runRule == nil || v.runTimer == nil || v.reset == nil || v.halt == nil {
		return nil, errors.New("run rules bundle: it did not call ready: run `make bundle`, then build again")
	}
	return v, nil
}

// loaded says whether the bundle has run.
func (v *jsRuntime) loaded() bool { return v.runRule != nil }

// prepare gives the bundle what it gets from Go.
func (v *jsRuntime) prepare(rulesConfig *RulesConfig) error {
	given, err := v.rulesConfigOf(rulesConfig)
	if err != nil {
		return err
	}
	host := v.host()
	if err := host.Set("rulesConfig", given); err != nil {
		return err
	}
	return v.js.Set("__host", host)
}

// keepDate keeps Date as it was before any rule could change it.
func (v *jsRuntime) keepDate() {
	v.dateConstructor = v.js.Get("Date")
	v.datePrototype = v.dateConstructor.ToObject(v.js).Get("prototype").ToObject(v.js)
	v.dateValueOf = v.datePrototype.Get("valueOf")
	v.dateToPrimitive = v.datePrototype.GetSymbol(goja.SymToPrimitive)
}

// evaluate runs one rule and returns its answer as JSON text, "" if the answer has none.
// Its error is a *Failure if the rule threw; after any other error the runtime is of no
// further use. A panic of goja or of the host becomes an *enginePanic.
func (v *jsRuntime) evaluate(rule compiledRule, in Input) (answer string, err error) {
	v.begin()
	answer, err = v.guarded(func() (string, error) { return v.run(rule, in) })
	if !isFault(err) {
		if _, ending := v.guarded(v.end); ending != nil {
			answer, err = "", ending
		}
	}
	clear(v.concepts)
	if v.aborted != nil {
		return "", v.aborted
	}
	return answer, err
}

// end undoes what the evaluation has left for the next.
func (v *jsRuntime) end() (string, error) {
	spoilt, err := v.reset(goja.Undefined())
	v.spoilt = v.spoilt || err != nil || spoilt.ToBoolean()
	return "", err
}

func (v *jsRuntime) run(rule compiledRule, in Input) (string, error) {
	function, err := v.function(rule)
	if err != nil {
		return "", err
	}
	result, err := v.runRule(goja.Undefined(), function, v.js.ToValue(string(in.EntityType)), v.entity(in), v.user(in), v.userGroups(in))
	if err != nil {
		return "", err
	}
	if promise, ok := exported[*goja.Promise](result); ok {
		result, err = v.settle(promise)
	}
	if err != nil || goja.IsUndefined(result) {
		return "", err
	}
	return result.String(), nil
}

// function runs the rule's program, which makes the rule's function.
func (v *jsRuntime) function(rule compiledRule) (goja.Value, error) {
	if function := v.functions[rule.program]; function != nil {
		return function, nil
	}
	function, err := v.js.RunProgram(rule.program)
	if err != nil {
		return nil, err
	}
	if rule.pure {
		if len(v.functions) >= maxFunctions {
			clear(v.functions)
		}
		v.functions[rule.program] = function
	}
	return orUndefined(function), nil
}

// begin forgets how the evaluation before this one went.
func (v *jsRuntime) begin() {
	v.evaluations++
	v.aborted = nil
	v.spoilt = false
	v.depth = 0
	v.console = consoleOutput{wanted: v.console.wanted}
}

// settle waits for a promise in virtual time. Jobs have run when a call from Go returns,
// so that a promise which is still pending can only be waiting for a timer.
func (v *jsRuntime) settle(promise *goja.Promise) (goja.Value, error) {
	for i := 0; promise.State() == goja.PromiseStatePending; i++ {
		ran, err := v.runTimer(goja.Undefined())
		if err != nil {
			return nil, err
		}
		if i == maxTimers || !ran.ToBoolean() {
			return nil, errPending
		}
	}
	if promise.State() == goja.PromiseStateRejected {
		return nil, &thrownValue{value: promise.Result()}
	}
	return promise.Result(), nil
}

// shapeOf names the shape (rules/js/src/entity/shapes.js) of each entity type.
var shapeOf = map[EntityType]string{
	Subject: "subject", ProgramEnrolment: "enrolment", Encounter: "encounter", ProgramEncounter: "programEncounter", User: "user",
}

func (v *jsRuntime) entity(in Input) goja.Value {
	return v.model(shapeOf[in.EntityType], in.Entity, nil).object
}

func (v *jsRuntime) user(in Input) goja.Value {
	if in.User == nil {
		return goja.Undefined()
	}
	return v.model("user", in.User, nil).object
}

func (v *jsRuntime) userGroups(in Input) goja.Value {
	groups := make([]any, 0, len(in.UserGroups))
	for _, group := range in.UserGroups {
		if record, ok := group.(*Record); ok {
			groups = append(groups, v.model("userGroup", record, nil).object)
		}
	}
	return v.js.NewArray(groups...)
}

// exported is the Go value that JavaScript's stands for, if it is of a type. Export alone would
// copy arrays and objects with all that is in them.
func exported[T any](value goja.Value) (T, bool) {
	var none T
	if value == nil || value.ExportType() != reflect.TypeFor[T]() {
		return none, false
	}
	exported, ok := value.Export().(T)
	return exported, ok
}

func orUndefined(value goja.Value) goja.Value {
	if value == nil {
		return goja.Undefined()
	}
	return value
}

// abort ends the evaluation in such a way that the rule cannot catch it, and returns the
// value to panic with.
func (v *jsRuntime) abort(err error) *goja.Object {
	v.aborted = err
	v.js.Interrupt(err)
	return v.js.NewGoError(err)
}
