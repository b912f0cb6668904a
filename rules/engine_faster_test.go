package rules

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestFasterMoment compares what rules/js/src/faster puts in the place of moment's own with
// the latter, which is reached by ways that nothing was put in the place of.
func TestFasterMoment(t *testing.T) {
	rule := `({params, imports}) => {
  const {moment, lodash} = imports;
  const wrong = [];
  const same = (what, fast, slow) => { if (!lodash.isEqual(fast, slow)) wrong.push(what + ': ' + JSON.stringify(fast) + ', not ' + JSON.stringify(slow)); };
  const dates = [new Date('DATE')];
  const state = (m) => [m.valueOf(), m.isValid(), m.isLocal(), m.locale(), m.utcOffset(), m.parsingFlags(), m.creationData().isUTC];
  const units = ['d', 'day', 'days', 'w', 'week', 'weeks', 'M', 'month', 'months', 'y', 'year', 'years', 'h', 'hour', 'hours', 'm', 'minute', 'minutes',
    's', 'second', 'seconds', 'ms', 'Q', 'quarter', 'fortnight', 'constructor', '__proto__'];
  const amounts = [0, -0, 1, -1, 7, 13, -400, 1.5, NaN, Infinity, 1e15, '3', null, undefined];
  const formats = ['D/M/YY', 'DD-MM-YYYY', 'Do MMM', 'MMMM D, YYYY', 'ddd dddd', 'H:mm', 'HH:mm:ss', 'h:m:s a', 'hh:mm A', 'Hmm', 'hmm', 'HHmm', 'hhmm', 'hmmss', 'DDD', 'DDDD', 'E e d', 'Q',
    'X x', 'SSS', 'Z ZZ', 'L LT', 'YYYYY', 'Y', 'MMMMM', 'DDDDD', '[on] DD', '\\D', 'DD.MM (HH)', 'aa', 'AA', 'w W gg', "D 'of' M", 'héD', 'D\nM', '1 2006 Jan 15', '-', ' '];
  dates.forEach((date) => {
    const name = String(date.getTime());
    const fast = moment(date);
    const slow = moment(date, undefined, undefined, false);
    same(name, state(fast), state(slow));
    same(name + ' fields', Object.keys(fast), Object.keys(slow).filter((key) => key !== '_strict'));
    same(name + ' cloned', state(fast.clone()), state(slow.clone()));
    same(name + ' again', state(moment(fast)), state(moment(slow)));
    same(name + ' in UTC', state(moment(date).utc()), state(moment(slow).utc()));
    same(name + ' is apart', [fast.toDate() !== date, fast._i === date, moment.isMoment(fast), fast instanceof moment], [true, true, true, slow instanceof moment]);
    formats.forEach((format, at) => {
      if (at % 4 !== PART) return;
      same(name + ' as ' + format, fast.format(format), slow.format(format + '[]'));
      if (at % 5) return;
      same(name + ' in UTC as ' + format, moment(date).utc().format(format), slow.clone().utc().format(format + '[]'));
      same(name + ' in Hindi as ' + format, moment(date).locale('hi').format(format), slow.clone().locale('hi').format(format + '[]'));
    });
    const starts = [moment(date), moment(date).utc(), moment.parseZone(date.getTime() ? date.toISOString().replace('Z', '+05:45') : '')];
    const moved = (m) => [m.valueOf(), m.isValid(), m.utcOffset()].join();
    units.forEach((unit, at) => amounts.forEach((amount, of) => {
      if ((at + of) % 4 !== PART || (amount !== 7 && unit.length > 2)) return;
      const start = starts[of % 3];
      const by = moment.duration(amount, unit);
      same(name + ' + ' + amount + ' ' + unit, moved(start.clone().add(amount, unit)), moved(start.clone().add(by)));
      same(name + ' - ' + amount + ' ' + unit, moved(start.clone().subtract(amount, unit)), moved(start.clone().subtract(by)));
    }));
  });
  const broken = moment(new Date(0));
  broken._d.setTime(NaN);
  same('a date made invalid', [broken.isValid(), broken.add(1, 'day').isValid(), broken.format('DD')], [false, false, 'Invalid date']);
  const frozen = Object.freeze(moment(new Date(1e12)));
  same('frozen', [frozen.isValid(), frozen.format('YYYY')], [true, '2001']);
  return {parameters: wrong.slice(0, 20).concat('compared')};
}`
	for _, zone := range []string{"UTC", "Asia/Kolkata", "America/New_York"} {
		t.Run(zone, func(t *testing.T) {
			e := engineWith(t, EngineOptions{Timeout: 5 * time.Second})
			inZone(t, zone)
			for _, date := range []string{
				"2024-01-31T10:15:30.123Z", "2024-02-29T23:59:59.999Z", "2024-03-10T06:45:00Z", "2023-11-05T05:30:00Z", "2023-11-05T06:30:00Z",
				"1969-12-31T18:29:59Z", "1905-06-01T00:00:00Z", "2400-12-31T00:00:00Z", "0999-06-01T00:00:00Z", "nonsense",
			} {
				for part := range 4 { // each within the time that a rule has
					nothingWrong(t, e, strings.NewReplacer("DATE", date, "PART", strconv.Itoa(part)).Replace(rule))
				}
			}
		})
	}
}

// TestFasterLodash compares what is put in the place of lodash's own with other ways to the
// same answer.
func TestFasterLodash(t *testing.T) {
	nothingWrong(t, engineWith(t, EngineOptions{Timeout: 5 * time.Second}), `({params, imports}) => {
  const {lodash} = imports;
  const wrong = [];
  const same = (what, fast, slow) => { if (JSON.stringify(fast) !== JSON.stringify(slow)) wrong.push(what + ': ' + JSON.stringify(fast) + ', not ' + JSON.stringify(slow)); };
  const day = (n) => new Date(2024, 0, n);
  const lists = {
    dates: [3, 1, 2, 1].map((n, at) => ({k: day(n), at})), numbers: [3, 1.5, -2, 1.5].map((k, at) => ({k, at})), texts: ['b', 'a', 'B', 'é'].map((k, at) => ({k, at})),
    mixed: [3, '1', day(1), null, undefined, NaN].map((k, at) => ({k, at})), gaps: [{k: 2}, null, undefined, {k: 1}], invalid: [{k: new Date(NaN)}, {k: day(1)}],
    none: [], sparse: [{k: 2}, , {k: 1}], booleans: [{k: true}, {k: false}], infinite: [{k: Infinity}, {k: 1}, {k: -Infinity}],
  };
  Object.keys(lists).forEach((name) => {
    const list = lists[name];
    same('sortBy ' + name, lodash.sortBy(list, 'k'), lodash.sortBy(list, ['k']));
    same('sortBy function of ' + name, lodash.sortBy(list, (item) => item && item.k), lodash.sortBy(list, [(item) => item && item.k]));
    const holds = (item, at) => Boolean(item && item.k) && at > 0;
    const entries = Object.assign({}, list);
    same('filter ' + name, lodash.filter(list, holds), lodash.filter(Array.from(list), holds));
    same('filter as an object ' + name, lodash.filter(list, (item) => item && item.k), Object.values(entries).filter((item) => item && item.k));
    same('find ' + name, lodash.find(list, holds), lodash.find(list, holds, 0));
    same('some ' + name, lodash.some(list, holds), lodash.filter(list, holds).length > 0);
  });
  same('sortBy of what has no fields', [lodash.sortBy([3, 1, 2], 'k'), lodash.sortBy(['ccc', 'a', 'bb'], 'length'), lodash.sortBy([[1, 2], [1]], 'length')], [[3, 1, 2], ['a', 'bb', 'ccc'], [[1], [1, 2]]]);
  same('sortBy two', lodash.sortBy(lists.numbers, 'k', 'at'), lodash.sortBy(lists.numbers, ['k', 'at']));
  same('sortBy a path', lodash.sortBy([{a: {b: 2}}, {a: {b: 1}}], 'a.b'), [{a: {b: 1}}, {a: {b: 2}}]);
  same('sortBy nothing', [lodash.sortBy(null, 'k'), lodash.sortBy([2, 1]), lodash.sortBy({a: 2, b: 1})], [[], [1, 2], [1, 2]]);
  let calls = 0;
  lodash.sortBy(lists.texts, (item) => { calls += 1; return item.k; });
  same('sortBy calls', calls, 4);
  same('shorthand', [lodash.find(lists.numbers, {at: 1}).at, lodash.filter(lists.numbers, ['at', 2]).length, lodash.some(lists.numbers, 'k'), lodash.find({a: 1, b: 2}, (n) => n > 1), lodash.find(null, Boolean), lodash.find([1, 2, 3], (n) => n > 0, 1)],
    [1, 1, true, 2, undefined, 2]);
  same('a long list', lodash.sortBy(Array.from({length: 10001}, (_, i) => ({k: i})), 'k')[10000].k, 10000);
  const values = [undefined, null, 0, 1, '', 'a', true, [], [1], {}, {a: 1}, {length: 0}, new Map(), new Set([1]), new String('x'), Object('') , () => 1, new Date(), params.entity, Object.create({a: 1}), Symbol.iterator];
  same('isNil', values.map((value) => lodash.isNil(value)), values.map((value) => value === undefined || value === null));
  same('isString', values.map((value) => lodash.isString(value)), values.map((value) => typeof value === 'string' || Object.prototype.toString.call(value) === '[object String]'));
  same('isEmpty', values.map((value) => lodash.isEmpty(value)),
    [true, true, true, true, true, false, true, true, false, true, false, false, true, false, false, true, true, true, false, true, true]);
  same('isEmpty of a model without anything', lodash.isEmpty(Object.create(Object.getPrototypeOf(params.entity))), true);
  return {parameters: wrong.concat('compared')};
}`)
}

// TestFasterModels looks at the models that Go makes as rules could.
func TestFasterModels(t *testing.T) {
	nothingWrong(t, testEngine(t), `({params, imports}) => {
  const {lodash} = imports;
  const wrong = [];
  const same = (what, is, want) => { if (JSON.stringify(is) !== JSON.stringify(want)) wrong.push(what + ': ' + JSON.stringify(is) + ', not ' + JSON.stringify(want)); };
  const {entity} = params;
  const {observations} = entity;
  const first = observations[0];
  const made = new first.constructor(first.that);
  same('an instance', [Object.getOwnPropertyNames(first), first instanceof made.constructor, Object.getPrototypeOf(first) === Object.getPrototypeOf(made)], [Object.getOwnPropertyNames(made), true, true]);
  same('the entity', [Object.keys(entity), entity.getEntityTypeName !== undefined], [['that'], true]);
  same('a list', [Array.isArray(observations), observations.constructor.name, observations.length, Object.keys(observations).pop()], [true, 'RealmListProxy', entity.that.observations.length, 'realmList']);
  same('a fresh list', [entity.observations === observations, entity.observations.realmList === observations.realmList, entity.observations[0].that === first.that], [false, true, true]);
  const names = observations.map((observation) => observation.concept.name);
  const slowly = (wanted) => lodash.find(observations, (observation) => observation.concept.name === wanted || observation.concept.uuid === wanted, 0);
  names.concat(observations[1].concept.uuid, 'nobody', undefined, null, 1).forEach((wanted) => {
    const found = entity.findObservation(wanted);
    same('found ' + wanted, [found === undefined, found && found.that === slowly(wanted).that, found && found instanceof made.constructor], slowly(wanted) ? [false, true, true] : [true, undefined, undefined]);
  });
  same('found in a group', entity.findObservation('nobody', 'nobody either'), undefined);
  same('found elsewhere', Object.getPrototypeOf(entity).findObservation.call({observations: [made]}, made.concept.name) === made, true);
  observations.push(made);
  same('a longer list', [entity.observations.length, observations.length, entity.observations[observations.length - 1].that === made.that], [observations.length, observations.realmList.length, true]);
  observations.pop();
  entity.that.observations = null;
  same('no list', entity.observations, null);
  entity.observations = [made];
  same('another list', [entity.observations.length, entity.observations.constructor.name], [1, 'RealmListProxy']);
  entity.firstName = 'Usha';
  same('another name', [entity.firstName, entity.that.firstName], ['Usha', 'Usha']);
  first.concept = made.concept;
  same('another concept', [first.concept.name === made.concept.name, first.concept === first.concept], [true, false]);
  entity.that = {observations: {length: 1}};
  let thrown = '';
  try { entity.observations; } catch (e) { thrown = e.name; }
  same('what is no list', thrown, 'TypeError');
  thrown = '';
  try { Object.getPrototypeOf(entity).firstName; } catch (e) { thrown = e.name; }
  same('no model', thrown, 'TypeError');
  return {parameters: wrong.concat('compared')};
}`)
}

// nothingWrong runs a rule that answers with what is wrong, and then "compared".
func nothingWrong(t *testing.T, e *Engine, rule string) {
	t.Helper()
	got, err := e.Parameters(t.Context(), asha, rule, readInput(t, "subject"))
	if err != nil || !slices.Equal(got, []string{"compared"}) {
		t.Errorf("%s\n%v", strings.Join(got, "\n"), err)
	}
}
