package rules

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRules runs rules as authors write them. Each expression becomes the parameters of a
// message rule on the named contract; e is the entity.
func TestRules(t *testing.T) {
	e := testEngine(t)
	for _, test := range []struct {
		name, entity, parameters string
		want                     []string
	}{
		{"names", "subject", `[e.firstName, e.lastName, e.nameString, e.middleName === undefined, e.name === undefined]`,
			[]string{"Asha", "Sharma", "Asha Sharma", "true", "true"}},
		{"address and gender", "subject", `[e.lowestAddressLevel.name, e.gender.name, e.isFemale(), e.subjectType.name]`,
			[]string{"Kevadia", "Female", "true", "Individual"}},
		{"dates are Dates", "subject", `[e.registrationDate instanceof Date, e.dateOfBirth.toISOString(), e.registrationDate.getDate()]`,
			[]string{"true", "1995-02-03T00:00:00.000Z", "10"}},
		{"age", "subject", `[e.getAgeInYears(), e.getAgeInMonths(), imports.moment().diff(e.dateOfBirth, 'weeks')]`, []string{"29", "350", "1525"}},
		{"local time", "subject", `[new Date().getHours(), new Date().toString(), imports.moment().format('HH:mm Z')]`,
			[]string{"15", "Wed May 01 2024 15:30:00 GMT+0530 (India Standard Time)", "15:30 +05:30"}},
		{"moment arithmetic", "subject", `(m => [m.format('YYYY-MM-DD'), m.clone().endOf('month').date(), m.clone().add(1, 'month').month(), m.isSameOrBefore(imports.moment()), m.from(imports.moment())])(imports.moment(e.registrationDate).startOf('day').add(2, 'weeks'))`,
			[]string{"2024-01-24", "31", "1", "true", "3 months ago"}},
		{"moment and lodash are globals", "subject", `[_.isEqual([1], [1]), moment === imports.moment, _ === imports.lodash]`, []string{"true", "true", "true"}},
		{"lodash chain", "subject", `_.chain(e.observations).map(o => o.concept.name).sortBy().take(2).value()`, []string{"Alternate contact", "Children details"}},
		{"lodash odds and ends", "subject", `[_.isNil(e.nothing), _.toNumber('4.50'), _.trim(' x '), _.includes('abc', 'b'), _.get(e, 'gender.name'), _.capitalize('asha')]`,
			[]string{"true", "4.5", "x", "true", "Female", "Asha"}},
		{"coded", "subject", `[e.getObservationReadableValue('High risk'), e.getObservationValue('High risk'), e.findObservation('High risk').isAbnormal()]`,
			[]string{"Yes", "f0000000-0000-4000-8000-000000000704", "true"}},
		{"coded, several answers", "subject", `e.getObservationReadableValue('Symptoms')`, []string{"Fever", "Cough"}},
		{"by concept uuid", "subject", `[e.getObservationReadableValue('f0000000-0000-4000-8000-000000000703')]`, []string{"Yes"}},
		{"number, text, notes, time", "subject", `['Weight', 'Alternate contact', 'Remarks', 'Preferred visit time'].map(c => e.getObservationReadableValue(c))`,
			[]string{"52.5", "9876500099", "line1\nसुरभि \"q\"", "10:30"}},
		{"phone number", "subject", `[e.getObservationReadableValue('Mobile number'), e.findObservation('Mobile number').getValueWrapper().isVerified()]`, []string{"9876500001", "false"}},
		{"contact number", "subject", `[e.getMobileNumber()]`, []string{"9876500099"}},
		{"subject, location, image", "subject", `['Husband', 'Village of origin', 'House photo'].map(c => e.getObservationValue(c))`,
			[]string{"10000000-0000-4000-8000-000000001002", "e0000000-0000-4000-8000-000000000053", "https://s3.example/asha/1.jpg"}},
		{"no such observation", "subject", `[e.getObservationReadableValue('Nonsense') === undefined, e.findObservation('Nonsense') === undefined]`, []string{"true", "true"}},
		{"date observation", "enrolment", `[e.getObservationValue('Last menstrual period').toISOString(), imports.moment(e.getObservationReadableValue('Last menstrual period')).add(280, 'days').format('DD/MM/YYYY')]`,
			[]string{"2023-12-01T18:30:00.000Z", "07/09/2024"}},
		{"question group", "subject", `[e.getObservationReadableValue('House number', 'House details'), e.getObservationReadableValue('Ownership', 'House details')]`, []string{"12/A", "Owned"}},
		{"question group as a whole", "subject", `[JSON.stringify(e.getObservationReadableValue('House details'))]`, []string{`[{"House number":"12/A"},{"Ownership":"Owned"}]`}},
		{"repeated question group", "subject", `e.getObservationValue('Children details').map(g => g.findObservationByConceptUUID('Child name').getReadableValue() + ' ' + imports.moment(g.findObservationByConceptUUID('Child birth date').getValue()).format('D MMM YYYY'))`,
			[]string{"Ravi 4 Mar 2019", "Uma 9 Jul 2021"}},
		{"enrolments", "subject", `e.nonVoidedEnrolments().map(x => imports.moment(x.enrolmentDateTime).year() + (x.isActive ? ' active' : ' over'))`, []string{"2024 active", "2020 over"}},
		{"an enrolment's subject", "subject", `[e.enrolments[0].individual.firstName, e.enrolments[0].program === null, e.enrolments[0].encounters.length]`, []string{"Asha", "true", "0"}},
		{"exit observation", "subject", `[e.enrolments[1].findExitObservation('Exit reason').getReadableValue()]`, []string{"Delivered"}},
		{"encounters, newest first", "subject", `e.getEncounters(true).map(x => x.name)`, []string{"Home visit 1", "Home visit 2"}},
		{"scheduled encounters", "subject", `e.scheduledEncountersOfType('Home Visit').map(x => x.name + ' ' + imports.moment(x.earliestVisitDateTime).format('D/M/YYYY h:mm a'))`,
			[]string{"Home visit 2 1/4/2030 10:00 am"}},
		{"groups", "subject", `e.groups.map(g => g.groupSubject.firstName + ': ' + g.groupRole.role + ' ' + g.groupRole.isHeadOfHousehold + ' ' + g.getRole())`,
			[]string{"Sharma household: Head of household true Head of household"}},
		{"approval status", "subject", `[e.latestEntityApprovalStatus.approvalStatus.status, e.latestEntityApprovalStatus.approvalStatus.isApproved]`, []string{"Approved", "true"}},
		{"enrolment's encounters", "enrolment", `[e.individual.firstName, e.encounters.length, e.getEncounters().length, e.getEncountersOfType('ANC').map(x => x.name).join()]`,
			[]string{"Asha", "4", "3", "ANC 1,ANC 2"}},
		{"filter and sort encounters", "enrolment", `e.encounters.filter(x => x.encounterDateTime && !x.voided).sort((a, b) => b.encounterDateTime - a.encounterDateTime).map(x => x.name + ' ' + x.getObservationReadableValue('Weight'))`,
			[]string{"ANC 1 51"}},
		{"latest in entire enrolment", "program_encounter", `[e.findLatestObservationInEntireEnrolment('Weight').getValue(), e.programEnrolment.getObservationReadableValue('Weight'), e.programEnrolment.hasEncounter('ANC', 'ANC 1'), e.individual.firstName]`,
			[]string{"51", "50", "true", "Asha"}},
		{"a visit's siblings know their enrolment", "program_encounter", `[e.programEnrolment.encounters[0].programEnrolment.uuid === e.programEnrolment.uuid, e.isScheduled(), e.encounterType.name]`,
			[]string{"true", "true", "ANC"}},
		{"previous encounter", "encounter", `[e.name, e.encounterType.name, e.individual.encounters.length, e.getObservationReadableValue('Weight')]`, []string{"Home visit 1", "Home Visit", "2", "52"}},
		{"user", "user", `[e.username, e.name, e.organisationName, e.getSettings().locale, e.settings, e.uuid]`,
			[]string{"meena@asha", "Meena Kumari", "Asha Gramin", "hi_IN", `{"locale":"hi_IN","trackLocation":false,"disableAutoSync":true}`, "ce9ad8ee-193e-49ee-8626-49802c8b4bd7"}},
		{"params.user and groups", "subject", `[params.user.username, params.user.userUUID, params.myUserGroups.map(g => g.groupName).join()]`,
			[]string{"meena@asha", "b0000000-0000-4000-8000-000000000202", "Everyone"}},
		{"health modules", "subject", `[imports.common.calculateBMI(52.5, 150), typeof imports.common.getZScore]`, []string{"23.4", "function"}},
		{"mother calculations", "enrolment", `[typeof imports.motherCalculations.eddBasedOnGestationalAge, imports.moment(imports.motherCalculations.estimatedDateOfDelivery(e)).format('YYYY-MM-DD'), Math.floor(imports.motherCalculations.gestationalAge(e))]`,
			[]string{"function", "2024-09-09", "21"}},
		{"rulesConfig", "enrolment", `[new imports.rulesConfig.RuleCondition({programEnrolment: e}).when.valueInEnrolment('Weight').greaterThan(49).matches(), new imports.rulesConfig.RuleCondition({individual: e.individual}).is.female.matches()]`,
			[]string{"true", "true"}},
		{"toLocaleString", "subject", `[new Date().toLocaleDateString('en-IN'), new Date().toLocaleTimeString('hi-IN'), new Date().toLocaleDateString('en-GB', {weekday: 'long', day: 'numeric', month: 'long', year: 'numeric'}), (1234567.891).toLocaleString('en-IN'), (0.256).toLocaleString('en', {style: 'percent'})]`,
			[]string{"5/1/2024", "3:30:00 PM", "Wednesday, May 1, 2024", "1,234,567.891", "26%"}},
		{"Intl", "subject", `[new Intl.DateTimeFormat('en-US', {timeZone: 'UTC', hour: 'numeric', minute: '2-digit'}).format(new Date()), Intl.NumberFormat('en-IN', {style: 'currency', currency: 'INR'}).format(1500), Intl.DateTimeFormat().resolvedOptions().timeZone]`,
			[]string{"10:00 AM", "₹1,500.00", "Asia/Kolkata"}},
		{"localeCompare", "subject", `['b10', 'b9', 'A'].sort((x, y) => x.localeCompare(y, 'en', {numeric: true, sensitivity: 'base'}))`, []string{"A", "b9", "b10"}},
		{"an assignment to the entity", "subject", `((e.firstName = 'Usha'), [e.firstName, e.nameString])`, []string{"Usha", "Usha Sharma"}},
		{"spread, destructuring, template", "subject", "(({firstName, ...rest}) => [`${firstName}!`, ...['a', 'b']])({firstName: e.firstName})", []string{"Asha!", "a", "b"}},
		{"newer syntax", "subject", `[e.nothing?.here ?? 'none', [[1], [2]].flat().at(-1), Object.fromEntries([['a', 1]]).a]`, []string{"none", "2", "1"}},
		{"regular expressions", "subject", `['+91 98765-00001'.replace(/\D/g, ''), /(?<day>\d+)/.exec('on 12').groups.day, 'aXb'.split(/(?=X)/).length]`, []string{"919876500001", "12", "2"}},
		{"JSON", "subject", `[JSON.stringify({a: [1, {b: 2}], c: undefined}), JSON.stringify({a: 1, b: {a: 2}}, ['a']), JSON.stringify({a: 1}, null, 1), JSON.stringify([1, 2], (k, v) => v === 1 ? 'one' : v), JSON.parse('{"a": [1]}', (k, v) => v).a[0]]`,
			[]string{`{"a":[1,{"b":2}]}`, `{"a":1}`, "{\n \"a\": 1\n}", `["one",2]`, "1"}},
		{"arrays are as ever", "subject", `[[].constructor === Array, Array.isArray(Array(3)), Array(3).length, Array(1, 2).join('+'), new Array('3')[0], [1].map(x => x) instanceof Array,
  Array.from({length: 2}, (_, i) => i).join(), Array.of(7)[0], [1, [2, [3]]].flat().length, [1].concat([2, 3], 4).length, class extends Array {}.from([1, 2]).length, [, null, 'a'].join('-'), String([1, [2, 3]])]`,
			[]string{"true", "true", "3", "1+2", "3", "true", "0,1", "7", "3", "4", "2", "--a", "1,2,3"}},
		{"texts and arguments are as ever", "subject", "['a-b'.replace('-', '$&$&'), 'aXbX'.replace(/X/g, m => m.toLowerCase()), 'a.b.c'.replaceAll('.', ''), 'ab'.padStart(4, '-'), 'ab'.padEnd(4) + '|', 'ab'.repeat(2), 'a'.concat('b', 1), [...'हिx'].length, 'a b'.split(' ').length, Math.max.apply(null, [1, 3]), Math.min.apply(null) > 0, Reflect.construct(Date, [0]).getTime(), (function () { return arguments.length; }).apply(null, {length: 2}), new Uint8Array(2).length, new Uint8Array([1, 2, 3]).length, new Uint8Array().length, new ArrayBuffer(4).byteLength]",
			[]string{"a--b", "axbx", "abc", "--ab", "ab  |", "abab", "ab1", "3", "2", "3", "true", "0", "2", "2", "3", "0", "4"}},
		{"uuid", "enrolment", `[e.cloneForEdit().uuid === e.uuid, e.individual.constructor.createEmptyInstance().uuid.length]`, []string{"true", "36"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			script := "({params, imports}) => { const e = params.entity; return { parameters: " + test.parameters + " }; };"
			got, err := e.Parameters(context.Background(), asha, script, readInput(t, test.entity))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
		})
	}
}

// TestScripts runs whole scripts: ways to write a rule, and asynchronous ones.
func TestScripts(t *testing.T) {
	e := testEngine(t)
	for _, test := range []struct{ name, script, want string }{
		{"function expression", `(function ({params}) { return {parameters: [params.entity.firstName]}; })`, "Asha"},
		{"function in brackets with a semicolon", `(({params}) => ({parameters: ['x']}));;`, "x"},
		{"constants before", `const prefix = 'Dear '; const name = p => p.entity.firstName; ({params}) => ({parameters: [prefix + name(params)]});`, "Dear Asha"},
		{"var before, function after", `var a = helper(); ({params}) => ({parameters: [a + later()]}); function helper() { return 'h'; } function later() { return 'l'; }`, "hl"},
		{"class before", `class Greeting { text() { return 'hi'; } } () => ({parameters: [new Greeting().text()]})`, "hi"},
		{"assigned function", `let rule = () => ({parameters: ['r']}); rule`, "r"},
		{"value of an if", `if (true) { () => ({parameters: ['if']}) } else { () => 0 }`, "if"},
		{"var and the value of an if", `var x = 'v'; if (x) { () => ({parameters: [x]}) }`, "v"},
		{"this is undefined", `() => ({parameters: [this === undefined]})`, "true"},
		{"a comment at the end", "() => ({parameters: ['c']}) // done", "c"},
		{"use strict inside", `"use strict"; ({params}) => { 'use strict'; return {parameters: ['s']}; }`, "s"},
		{"async", `async ({params}) => { await null; return {parameters: [params.entity.firstName]}; }`, "Asha"},
		{"promise", `() => Promise.all([1, Promise.resolve(2)]).then(([a, b]) => ({parameters: [a + b]}))`, "3"},
		{"virtual time", `async () => { const t = []; const at = (ms, x) => new Promise(done => setTimeout(() => { t.push(x); done(); }, ms)); await Promise.all([at(3600e3, 'late'), at(5, 'soon')]); return {parameters: [t.join()]}; }`, "soon,late"},
		{"interval", `() => new Promise(done => { let n = 0; const id = setInterval(() => { if (++n === 3) { clearInterval(id); done({parameters: [n]}); } }, 1000); })`, "3"},
		{"for await", `async () => { const out = []; async function* numbers() { yield 1; yield 2; } for await (const n of numbers()) out.push(n); return {parameters: [out.join('+')]}; }`, "1+2"},
		{"thenable", `() => ({then: done => done({parameters: ['t']})})`, "t"},
		{"numbers as JavaScript prints them", `() => ({parameters: [0.1 + 0.2]})`, "0.30000000000000004"},
		{"console", `() => { console.log('x', {a: 1}); console.table([]); return {parameters: ['logged']}; }`, "logged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range 2 { // what it leaves behind must not trouble the next evaluation
				got, err := e.Parameters(context.Background(), asha, test.script, readInput(t, "subject"))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{test.want}, got); diff != "" {
					t.Errorf("parameters (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestContractAsJSON checks that JSON.stringify works on each kind of entity: nothing goes
// in circles, and the fields come in order.
func TestContractAsJSON(t *testing.T) {
	e := testEngine(t)
	for entity, start := range map[string]string{
		"subject":           `{"uuid":"10000000-0000-4000-8000-000000001001","firstName":"Asha","lastName":"Sharma","profilePicture":`,
		"enrolment":         `{"uuid":"20000000-0000-4000-8000-000000001001","program":null,"enrolmentDateTime":"2024-01-15T04:30:00.000Z",`,
		"encounter":         `{"individual":{"uuid":"10000000-0000-4000-8000-000000001001",`,
		"program_encounter": `{"uuid":"30000000-0000-4000-8000-000000001001","name":"ANC 2","encounterType":{"name":"ANC"},`,
		"user":              `{"uuid":"ce9ad8ee-193e-49ee-8626-49802c8b4bd7","username":"meena@asha",`,
	} {
		got, err := e.Parameters(context.Background(), asha, `({params}) => ({parameters: [JSON.stringify(params.entity)]})`, readInput(t, entity))
		if err != nil {
			t.Errorf("%s: %v", entity, err)
			continue
		}
		if len(got[0]) < len(start) || got[0][:len(start)] != start {
			t.Errorf("%s starts with %.200s\nwant %s", entity, got[0], start)
		}
	}
}
