package rules

import (
	"context"
	"errors"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"
)

// An attack is a rule that tries to stop, fill, leave or spoil the process.
// engine_hostile_test.go has the plainer ones, with what they must answer.
type attack struct {
	name string
	body string // of the rule's function
	// how the failure starts, as "throw: TypeError"; any failure if it is fails, none at
	// all if it is harmless, one or none if it is empty
	outcome string
	script  string // instead of body: the rule's whole text
}

const (
	fails    = "fails"
	harmless = "harmless"
	timesOut = "timeout: the rule ran for more than"
)

// The limits under which attacks run, and how long anything may take on a slow machine.
const (
	attackHeap     = 64 << 20
	attackPatience = 20 * time.Second
	attackMemory   = 3 << 30 // that the process takes: about 400 MB; 1400 MB were seen where it was too busy to look often
)

// probe uses much of what an attack could have spoilt.
const probe = `({params, imports}) => {
  const {moment, lodash, common, rulesConfig} = imports;
  const e = params.entity;
  return {parameters: [
    e.firstName, e.getObservationReadableValue('Weight'), e.findObservation('High risk').getReadableValue(), e.getEncounters(true).length,
    moment('2024-05-01').format('D MMMM'), moment(e.registrationDate).add(1, 'day').toDate().toISOString(), moment.duration(2, 'days').asDays(), moment().isValid(),
    lodash.sum([1, 2]), lodash.get({a: {b: 1}}, 'a.b'), _.chain([3, 1]).sortBy().map((x) => x + 1).value().join('+'), _.isEmpty({}),
    [1, 2].map((x) => x + 1).concat(4).join('-'), [...'ab'].reverse().join(''), JSON.stringify({a: [1, null]}), JSON.parse('[5]')[0],
    'a-b'.split('-').length, ' x '.trim(), 'aXa'.replace(/a/g, 'b'), /^\d+$/.test('12'), Object.keys({x: 1, y: 2}).join(), Object.assign({}, {z: 1}).z,
    Math.max(1, 2), (1.25).toFixed(1), new Date(0).getTime(), Date.now() > 0, String(({}).polluted), typeof leaked, Array.isArray([]), parseInt('7', 10), isNaN('x'),
    common.calculateBMI(50, 150), new rulesConfig.RuleCondition({individual: e}).when.female.matches(), moment.locale(), new Map([[1, 2]]).get(1), (function () { return this; }.call(5)),
  ]};
}`

const probed = `Asha|52.5|Yes|2|1 May|2024-01-11T00:00:00.000Z|2|true|3|1|2+4|true|2-3-4|ba|{"a":[1,null]}|5|2|x|bXb|true|x,y|1|2|1.3|0|true|undefined|undefined|true|7|true|22.3|true|en|2|5`

// A battlefield is an engine with an organisation that attacks it and one that does not.
type battlefield struct {
	engine *Engine
	in     Input
	limit  time.Duration // of an evaluation: ample for the probe, however busy the machine
}

func newBattlefield(t *testing.T) *battlefield {
	t.Helper()
	inZone(t, "Asia/Kolkata")
	b := &battlefield{in: readInput(t, "subject")}
	b.engine = engineWith(t, EngineOptions{Timeout: 5 * time.Second})
	start := time.Now()
	b.probe(t, "the first rule", asha)
	b.limit = min(max(2*time.Second, 12*time.Since(start)), 5*time.Second)
	b.engine = engineWith(t, EngineOptions{Timeout: b.limit, MaxHeapGrowth: attackHeap, Console: func(string) {}})
	return b
}

// attacks runs them, `abreast` at a time in organisations of their own, while another
// organisation goes about its business.
func (b *battlefield) attacks(t *testing.T, abreast int, attacks []attack) {
	t.Helper()
	stop := make(chan struct{})
	var bystander, wg sync.WaitGroup
	bystander.Go(func() { b.stand(t, stop) })
	debug.FreeOSMemory() // what other tests have left
	before, most := memoryTaken(), uint64(0)
	bystander.Go(func() { most = mostMemory(stop) })
	queue := make(chan attack)
	for i := range abreast {
		wg.Go(func() {
			for a := range queue {
				b.attack(t, 1000+int32(i), a)
			}
		})
	}
	for _, a := range attacks {
		queue <- a
	}
	close(queue)
	wg.Wait()
	close(stop)
	bystander.Wait()
	if most > before+attackMemory {
		t.Errorf("the process took %d MB, and %d MB before", most>>20, before>>20)
	}
}

// mostMemory looks again and again, and is the most that the process has had from the system
// until it is told to stop, in bytes.
func mostMemory(stop <-chan struct{}) (most uint64) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		most = max(most, memoryTaken())
		select {
		case <-stop:
			return most
		case <-ticker.C:
		}
	}
}

func memoryTaken() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() - sample[1].Value.Uint64()
}

// stand evaluates, again and again, in the organisation that must not notice anything.
func (b *battlefield) stand(t *testing.T, stop <-chan struct{}) {
	for {
		start := time.Now()
		b.probe(t, "the other organisation", nepal)
		if took := time.Since(start); took > attackPatience {
			t.Errorf("the other organisation waited for %v", took)
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

func (b *battlefield) probe(t *testing.T, who string, organisationID int32) {
	got, err := b.engine.Parameters(context.Background(), organisationID, probe, b.in)
	if answer := strings.Join(got, "|"); err != nil || answer != probed {
		t.Errorf("%s gets\n%s, %v; want\n%s", who, answer, err, probed)
	}
}

func (b *battlefield) attack(t *testing.T, organisationID int32, a attack) {
	script := a.script
	if script == "" {
		script = "({params, imports}) => {\n" + a.body + "\n}"
	}
	start := time.Now()
	_, err := b.engine.Parameters(context.Background(), organisationID, script, b.in)
	if took := time.Since(start); took > attackPatience {
		t.Errorf("%s: took %v", a.name, took)
	}
	a.check(t, err)
	b.probe(t, a.name+": the next rule", organisationID)
}

func (a attack) check(t *testing.T, err error) {
	var failure *Failure
	switch {
	case err != nil && !errors.As(err, &failure):
		t.Errorf("%s: %v (%T), want a *Failure", a.name, err, err)
	case a.outcome == "":
	case a.outcome == harmless && err != nil, a.outcome != harmless && err == nil:
		t.Errorf("%s: %v, want %s", a.name, err, a.outcome)
	case a.outcome != harmless && a.outcome != fails && !strings.HasPrefix(failure.Error(), a.outcome):
		t.Errorf("%s: %.200v, want %s", a.name, failure, a.outcome)
	case failure != nil && (len(failure.Message) > maxFailureMessage+50 || len(failure.Stack) > maxFailureStack):
		t.Errorf("%s: message of %d and stack of %d bytes", a.name, len(failure.Message), len(failure.Stack))
	}
}
