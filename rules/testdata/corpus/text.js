//! texts
//  on  student
//  all  {"parameters":["x|","**abc","abc  |","a,b","bcd","de","ef","c","a+b+c",true,98,"xxx",4,true,true,true,"SS",2,3,-1,"a1null",3,"ह","a%20b&%E0%A4%B9"]}
() => ({parameters: [' x '.trim() + '|', 'abc'.padStart(5, '*'), 'abc'.padEnd(5) + '|', 'a-b-c'.split('-', 2).join(), 'abcdef'.substring(4, 1), 'abcdef'.substr(-3, 2), 'abcdef'.slice(-2), 'abc'.at(-1), 'a,b;c'.split(/[,;]/).join('+'), 'abc'.charAt(9) === '', 'abc'.charCodeAt(1), 'x'.repeat(3), 'abcabc'.lastIndexOf('b'), 'abc'.startsWith('b', 1), 'abc'.endsWith('b', 2), 'abc'.includes('bc'), 'ß'.toUpperCase(), 'İ'.toLowerCase().length, 'a\tb'.length, 'abc'.localeCompare('abd'), 'a'.concat(1, null), '%41'.length, decodeURIComponent('%E0%A4%B9'), encodeURI('a b&ह')]})

//! capital letters and names
//  on  student
//  all  {"parameters":["Meena Rathod","Meena Rathod X","fooBar","Abc","Abc","foo-bar","a long ...","  x  ","aneeM"]}
({params}) => { const title = (s) => s.toLowerCase().replace(/\b\w/g, (c) => c.toUpperCase()); return {parameters: [title('MEENA rathod'), _.startCase('meena_rathod x'), _.camelCase('Foo Bar'), _.capitalize('ABC'), _.upperFirst('abc'), _.kebabCase('fooBar'), _.truncate('a long sentence here', {length: 10}), _.pad('x', 5), params.entity.firstName.split('').reverse().join('')]}; }

//! Devanagari, emoji and surrogates
//  on  student
//  all  {"parameters":[5,5,5,3,128512,"😀",2,1,"हिन",true,true,2,"xa",3]}
() => ({parameters: ['सुरभि'.length, [...'सुरभि'].length, '👩‍🌾'.length, [...'👩‍🌾'].length, '😀'.codePointAt(0), String.fromCodePoint(0x1F600), 'é'.normalize('NFD').length, 'e\u0301'.normalize().length, 'हिन्दी'.slice(0, 3), 'हिन्दी' < 'हिन्दु', 'नमस्ते'.includes('स्ते'), '😀'.split('').length, '😀a'.replace(/./u, 'x'), '😀a'.replace(/./, 'x').length]})

//! regular expressions: phone numbers
//  on  student
//  all  {"parameters":["919876500001","919876500001","invalid","invalid"]}
() => ({parameters: ['+91 98765-00001', '098765 00001', '98765', 'abc'].map((p) => { const digits = p.replace(/\D/g, ''); const m = /^(?:91|0)?([6-9]\d{9})$/.exec(digits); return m ? `91${m[1]}` : 'invalid'; })})

//! regular expressions: groups
//  on  student
//  all  {"parameters":[3,"5/11/2024","5","2024",true,"01/05/2024","Smith, John",2,"1@1,22@3","1,2"]}
() => { const m = /(?<day>\d{1,2})[/.-](?<month>\d{1,2})(?:[/.-](?<year>\d{4}))?/.exec('on 5/11/2024.'); const n = 'x'.match(/y/); return {parameters: [m.index, m[0], m.groups.day, m.groups.year, n === null, '2024-05-01'.replace(/(\d+)-(\d+)-(\d+)/, '$3/$2/$1'), 'John Smith'.replace(/(?<a>\w+) (?<b>\w+)/, '$<b>, $<a>'), 'aaa'.lastIndexOf('a'), [...'a1b22'.matchAll(/\d+/g)].map((x) => `${x[0]}@${x.index}`).join(), 'a1b2'.match(/\d/g).join()]}; }

//! regular expressions: flags and state
//  on  student
//  all  {"parameters":[true,1,true,false,false,true,true,true,"gimsuy","/a\\/b/","a+","हिन्दी","a[B]c",true,true]}
() => { const g = /a/g; const s = /a/y; return {parameters: [g.test('aa'), g.lastIndex, g.test('aa'), g.test('aa'), s.test('ba'), /a.c/s.test('a\nc'), /^b$/m.test('a\nb'), /ABC/i.test('abc'), /a/gimsuy.flags, String(/a\/b/), new RegExp('a+', 'g').source, /[\u0900-\u097F]+/.exec('abc हिन्दी x')[0], 'aBc'.replace(/b/i, (m) => `[${m}]`), /\bfoo\b/.test('a foo b'), /^\S+@\S+\.\S+$/.test('a@b.in')]}; }

//! regular expressions: looking around
//  on  student
//  all  {"parameters":["42","a1 X2","foo",true,"1,234,567","a|X|b|X|",true,"ll","[]x",true,true]}
() => ({parameters: ['price: 42'.match(/(?<=: )\d+/)[0], 'a1 b2'.replace(/[a-z](?=2)/, 'X'), 'foobar'.match(/foo(?!baz)/)[0], 'ab'.match(/(?<!a)b/) === null, '1234567'.replace(/\B(?=(\d{3})+(?!\d))/g, ','), 'aXbX'.split(/(X)/).join('|'), /(a+)+b/.test('aaab'), /(\w)\1/.exec('hello')[0], 'x'.replace(/(y)?/, '[$1]'), /[^]/.test('\n'), /\u{61}/u.test('a')]})

//! order of texts
//  on  student
//  all  {"parameters":["BCab","abBC","item 9,item 10",0,true,"कखग"]}
() => ({parameters: [['b', 'a', 'C', 'B'].sort().join(''), ['b', 'a', 'C', 'B'].sort((x, y) => x.localeCompare(y)).join(''), ['item 10', 'item 9'].sort((x, y) => x.localeCompare(y, undefined, {numeric: true})).join(), 'a'.localeCompare('A', 'en', {sensitivity: 'base'}), 'résumé'.localeCompare('resume') > 0, ['ग', 'क', 'ख'].sort((x, y) => x.localeCompare(y)).join('')]})

//! lodash: collections
//  on  student
//  all  {"parameters":[2,"1,2",1,1,"1","1,2","1,2,3","2,4","2","2",3,1,true,true,"1",2,"2,3","1,2","1,3","1,2"]}
() => ({parameters: [_.chunk([1, 2, 3], 2).length, _.uniq([1, 1, 2]).join(), _.uniqBy([{a: 1}, {a: 1}], 'a').length, _.keyBy([{id: 'x', v: 1}], 'id').x.v, _.partition([1, 2, 3], (n) => n > 1)[1].join(), _.orderBy([{a: 2}, {a: 1}], 'a').map((o) => o.a).join(), _.range(1, 4).join(), _.zip([1, 2], [3, 4])[1].join(), _.intersection([1, 2], [2]).join(), _.without([1, 2], 1).join(), _.sum([1, 2]), _.findIndex([1, 2], (x) => x === 2), _.some([{a: 1}], {a: 1}), _.every([]), _.reject([1, 2], (x) => x > 1).join(), _.nth([1, 2], -1), _.takeRight([1, 2, 3], 2).join(), _.union([1], [1, 2]).join(), _.xor([1, 2], [2, 3]).join(), _.flattenDeep([[1, [2]]]).join()]})

//! lodash: objects
//  on  student
//  all  {"parameters":["Monitor","d",true,"{\"a\":1}","{\"b\":2}","{\"a\":[{\"b\":1}]}","{\"a\":{\"b\":1,\"c\":2}}",true,true,true,true,false,"{\"a\":2}","{\"b\":\"a\"}","{\"a\":1,\"b\":3}",5,"{\"a\":1}",1,true,"a,1"]}
({params}) => ({parameters: [_.get(params, 'entity.groups[0].groupRole.role'), _.get({}, 'a.b', 'd'), _.has({a: {b: 1}}, 'a.b'), JSON.stringify(_.pick({a: 1, b: 2}, 'a')), JSON.stringify(_.omit({a: 1, b: 2}, 'a')), JSON.stringify(_.set({}, 'a[0].b', 1)), JSON.stringify(_.merge({a: {b: 1}}, {a: {c: 2}})), _.isEqual({a: [1, {b: 2}]}, {a: [1, {b: 2}]}), _.isEmpty({}), _.isNil(null), _.isPlainObject({}), _.isPlainObject(params.entity), JSON.stringify(_.mapValues({a: 1}, (v) => v + 1)), JSON.stringify(_.invert({a: 'b'})), JSON.stringify(_.defaults({a: 1}, {a: 2, b: 3})), _.cloneDeep({d: new Date(5)}).d.getTime(), JSON.stringify(_.pickBy({a: 1, b: null})), _.size({a: 1}), _.isDate(params.entity.registrationDate), _.toPairs({a: 1}).join()]})

//! lodash: functions and chains
//  on  student
//  all  {"parameters":[8,"aa,bb",10,"xx","0,1,2",8,3,10,true,1.01]}
() => { const once = _.once(() => 'x'); return {parameters: [_.flow([(x) => x + 1, (x) => x * 2])(3), _(['b', 'a']).map((s) => s + s).sort().join(), _.chain([1, 2, 3]).filter((n) => n % 2).map((n) => n * n).sum().value(), once() + once(), _.times(3, (n) => n).join(), _.memoize((x) => x * 2)(4), _.curry((a, b) => a + b)(1)(2), _.clamp(12, 1, 10), _.inRange(3, 1, 5), _.round(1.005, 2)]}; }

//! dates in English
//  on  student
//  all  {"parameters":["5/1/2024","May 1, 2024","Wed, May 01","05/01/2024"]}
() => { const d = new Date('2024-05-01T14:05:09.087Z'); return {parameters: [d.toLocaleDateString('en-US'), d.toLocaleDateString('en-US', {day: 'numeric', month: 'long', year: 'numeric'}), d.toLocaleDateString('en-US', {weekday: 'short', month: 'short', day: '2-digit'}), d.toLocaleDateString('en-US', {month: '2-digit', day: '2-digit', year: 'numeric'})]}; }

//! times in English
//  on  student
//  UTC              {"parameters":["2:05:09 PM","02:05 PM","5/1/2024, 2:05:09 PM","14:05","5/1/2024, 7:35:09 PM"]}
//  Asia/Kolkata     {"parameters":["7:35:09 PM","07:35 PM","5/1/2024, 7:35:09 PM","19:35","5/1/2024, 7:35:09 PM"]}
//  America/New_York {"parameters":["10:05:09 AM","10:05 AM","5/1/2024, 10:05:09 AM","10:05","5/1/2024, 7:35:09 PM"]}
() => { const d = new Date('2024-05-01T14:05:09.087Z'); return {parameters: [d.toLocaleTimeString('en-US'), d.toLocaleTimeString('en-US', {hour: '2-digit', minute: '2-digit'}), d.toLocaleString('en-US'), d.toLocaleTimeString('en-US', {hour12: false, hour: '2-digit', minute: '2-digit'}), d.toLocaleString('en-US', {timeZone: 'Asia/Kolkata'})].map((s) => s.replace(/\u202f/g, ' '))}; }

//! dates of another locale
//  on  student
//  all  {"parameters":["5/1/2024","May","1,234,567.891"]}
//  node  English for every locale, as in the Node.js 10 of Avni's production
() => ({parameters: [new Date('2024-05-01T14:05:09.087Z').toLocaleDateString('en-IN'), new Date('2024-05-01T14:05:09.087Z').toLocaleDateString('hi-IN', {month: 'long'}), (1234567.891).toLocaleString('en-IN')]})

//! numbers in English
//  on  student
//  all  {"parameters":["1,234,567.891","26%","₹1,500.00","1,500.50","1,000,000","05","-1,235","12"]}
() => ({parameters: [(1234567.891).toLocaleString('en-US'), (0.256).toLocaleString('en-US', {style: 'percent'}), (1500).toLocaleString('en-US', {style: 'currency', currency: 'INR'}), (1500.5).toLocaleString('en-US', {minimumFractionDigits: 2}), (1e6).toLocaleString(), (5).toLocaleString('en-US', {minimumIntegerDigits: 2}), (-1234.5).toLocaleString('en-US', {maximumFractionDigits: 0}), (12).toLocaleString('en-US', {useGrouping: false})]})

//! Intl in English
//  on  student
//  all  {"parameters":["May 1, 2024","May 2, 2024","1,234.5","$12.00","abB"]}
() => ({parameters: [new Intl.DateTimeFormat('en-US', {timeZone: 'UTC', year: 'numeric', month: 'short', day: 'numeric'}).format(new Date('2024-05-01T23:30:00Z')), new Intl.DateTimeFormat('en-US', {timeZone: 'Asia/Kolkata', year: 'numeric', month: 'short', day: 'numeric'}).format(new Date('2024-05-01T23:30:00Z')), new Intl.NumberFormat('en-US').format(1234.5), new Intl.NumberFormat('en-US', {style: 'currency', currency: 'USD'}).format(12), ['b', 'a', 'B'].sort(new Intl.Collator('en').compare).join('')]})

//! encoding
//  on  student
//  all  {"parameters":["%E2%82%B9%205%20%26%20%E0%A4%B9","ह","%u0939%20%E9",true,true,31,"14.4",3]}
() => ({parameters: [encodeURIComponent('₹ 5 & ह'), unescape('%u0939'), escape('ह é'), isNaN('abc'), isFinite('12'), parseInt('0x1f'), (12.5).toString(8), Number('0b11')]})

//! a mistake in the text of the rule
//  on  student
//  all  throws SyntaxError
({params}) => { return {parameters: [params.entity.firstName };

//! octal numbers are refused
//  on  student
//  all  throws SyntaxError
() => ({parameters: [010]})

//! no function
//  on  student
//  all  throws TypeError
({parameters: ['x']})
