package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dlclark/regexp2/v2"
	"github.com/dop251/goja"
)

// EngineOptions configure an Engine. The zero value works.
type EngineOptions struct {
	// Timeout is the wall-clock limit of one evaluation, 2 s if zero
	// (MESSENGER_RULE_TIMEOUT). A regular expression that backtracks without end may
	// hold an evaluation for twice as long. One that takes more than 10 s is taken not to
	// match, so that a longer limit is of little use.
	Timeout time.Duration
	// MaxRuntimes is how many organisations keep their JavaScript runtime (about 5 MB
	// each) at a time, 32 if zero.
	MaxRuntimes int
	// MaxEvaluations is after how many evaluations a runtime is replaced, 20000 if zero.
	MaxEvaluations int
	// MaxHeapGrowth is by how many bytes the process's heap may grow during one
	// evaluation, 256 MB if zero.
	MaxHeapGrowth uint64
	// Console receives what a rule has printed once it has ended, at most 64 KB an evaluation,
	// on the goroutine that evaluates. It may hold personal data: it must not be logged. Dropped if nil.
	Console func(line string)
	// RulesConfig is what rules get as imports.rulesConfig instead of ours. Ours if nil.
	RulesConfig *RulesConfig
	// Now is the clock that rules see, time.Now if nil. Their time zone is time.Local.
	Now     func() time.Time
	Log     *slog.Logger
	Metrics *EngineMetrics
}

func (o EngineOptions) withDefaults() EngineOptions {
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	if o.MaxRuntimes == 0 {
		o.MaxRuntimes = 32
	}
	if o.MaxEvaluations == 0 {
		o.MaxEvaluations = 20000
	}
	if o.MaxHeapGrowth == 0 {
		o.MaxHeapGrowth = 256 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// An Engine runs message rules as rules-server would, in this process. It is safe for
// concurrent use: rules of different organisations run at the same time, those of one
// organisation one after the other.
type Engine struct {
	options EngineOptions
	rules   ruleCache
	bundle  *goja.Program
	pool    *runtimePool
	// One evaluation at a time holds it for writing: that whose memory is measured.
	alone sync.RWMutex
}

// NewEngine makes an engine and its first runtime, which takes about 0.2 s, so that no
// change waits for that. Its error is ErrNoBundle if the binary was built without the
// JavaScript bundle, and a *RulesConfigError if the operator's rules-config cannot be used.
func NewEngine(options EngineOptions) (*Engine, error) {
	options = options.withDefaults()
	limitMatching(options.Timeout) // before the bundle's expressions are compiled
	bundle, err := bundleProgram()
	if err != nil {
		return nil, err
	}
	e := &Engine{options: options, bundle: bundle}
	e.pool = newRuntimePool(options.MaxRuntimes, options.MaxEvaluations, func() (*jsRuntime, error) {
		return newRuntime(bundle, options, true)
	}, options.Metrics)
	if err := e.pool.warm(); err != nil {
		return nil, err
	}
	return e, nil
}

var matching sync.Mutex

// maxMatching is how long one regular expression may take whatever the engines' limits. The
// limit is the process's.
const maxMatching = 10 * time.Second

// limitMatching bounds regular expressions that backtrack, which nothing can interrupt.
// goja takes one that ran out of time for one that does not match, so that the limit must
// not be under an evaluation's: then the evaluation has failed before that shows.
func limitMatching(limit time.Duration) {
	matching.Lock()
	defer matching.Unlock()
	limit = min(limit, maxMatching)
	if current := regexp2.DefaultMatchTimeout; current < limit || current > time.Hour {
		regexp2.DefaultMatchTimeout = limit
	}
}

// Schedule runs a schedule rule. Its error is a *Failure if the rule or its data are to
// blame; otherwise the context has ended or a value of the input could not be read.
func (e *Engine) Schedule(ctx context.Context, organisationID int32, script string, in Input) (Schedule, error) {
	answer, err := e.answer(ctx, organisationID, script, in)
	if err != nil {
		return Schedule{}, err
	}
	return readSchedule(answer)
}

// Parameters runs a message rule and returns the parameters of the template. Errors are
// those of Schedule.
func (e *Engine) Parameters(ctx context.Context, organisationID int32, script string, in Input) ([]string, error) {
	answer, err := e.answer(ctx, organisationID, script, in)
	if err != nil {
		return nil, err
	}
	return readParameters(answer)
}

// answer runs a rule and returns the JSON of what it returned. If memory ran out while
// other rules were running too, it runs once more on its own to tell whose fault it was.
func (e *Engine) answer(ctx context.Context, organisationID int32, script string, in Input) (string, error) {
	rule := e.rules.compile(script)
	if rule.failure != nil {
		return "", rule.failure
	}
	e.alone.RLock()
	answer, console, err := e.evaluate(ctx, organisationID, rule, in)
	e.alone.RUnlock()
	if errors.Is(err, errMemory) {
		e.alone.Lock()
		answer, console, err = e.evaluate(ctx, organisationID, rule, in)
		e.alone.Unlock()
	}
	e.show(console)
	if err != nil {
		return "", e.failure(organisationID, err)
	}
	return answer, nil
}

// show passes on what a rule has printed, of its last run if it was run again.
func (e *Engine) show(console consoleOutput) {
	e.options.Metrics.printed(console.calls)
	for _, line := range console.lines {
		e.options.Console(line)
	}
}

func (e *Engine) evaluate(ctx context.Context, organisationID int32, rule compiledRule, in Input) (string, consoleOutput, error) {
	var nothing consoleOutput
	if in.Entity == nil || shapeOf[in.EntityType] == "" {
		return "", nothing, &Failure{Kind: FailedLoad, Message: fmt.Sprintf("there is no %s to run the rule on", in.EntityType)}
	}
	s, err := e.pool.take(ctx, organisationID)
	if err != nil {
		return "", nothing, err
	}
	spent := false
	defer func() { e.pool.give(s, spent) }()
	if !rule.spoils.Load() {
		answer, err := e.watched(ctx, s.runtime, rule, in)
		spent = s.runtime.spent
		if !wasRefusedChange(err) {
			return answer, s.runtime.console, err
		}
		rule.spoils.Store(true)
	}
	return e.evaluateApart(ctx, rule, in)
}

// evaluateApart runs a rule that changes what rules share in a runtime of its own, where it
// may.
func (e *Engine) evaluateApart(ctx context.Context, rule compiledRule, in Input) (string, consoleOutput, error) {
	runtime, err := newRuntime(e.bundle, e.options, false)
	if err != nil {
		return "", consoleOutput{}, err
	}
	e.options.Metrics.made()
	defer e.options.Metrics.discarded(discardedSpoilt)
	answer, err := e.watched(ctx, runtime, rule, in)
	return answer, runtime.console, err
}

// watched evaluates a rule under the limits, and notes if the runtime must go.
func (e *Engine) watched(ctx context.Context, runtime *jsRuntime, rule compiledRule, in Input) (string, error) {
	w := watchOver(ctx, runtime, e.options.Timeout, e.options.MaxHeapGrowth)
	runtime.late = newLateReader(ctx, w, in)
	answer, err := runtime.evaluate(rule, in)
	runtime.spent = w.stop() || runtime.aborted != nil || runtime.spoilt || isFault(err)
	return answer, err
}
