//! Hindi
//  on  pregnancy
//  UTC              {"parameters":["रविवार, १२ मई २०२४, ९:३० सुबह","१२/०५/२०२४","12 May","१२ मई","hi","hi",10,"३ दिन","जनवरी","January",true,"रविवार",0]}
//  Asia/Kolkata     {"parameters":["रविवार, १२ मई २०२४, ९:३० सुबह","१२/०५/२०२४","12 May","१२ मई","hi","hi",10,"३ दिन","जनवरी","January",true,"रविवार",0]}
//  America/New_York {"parameters":["रविवार, १२ मई २०२४, ९:३० सुबह","१२/०५/२०२४","12 May","१२ मई","hi","hi",10,"३ दिन","जनवरी","December",true,"रविवार",0]}
({imports: {moment}}) => {
  const date = moment('2024-05-12T09:30:00');
  moment.locale('hi');
  const hindi = moment('2024-05-12T09:30:00');
  return {parameters: [
    hindi.format('dddd, D MMMM YYYY, h:mm a'), hindi.format('L'), date.format('D MMMM'), date.clone().locale('hi').format('D MMMM'), moment.locale(), hindi.locale(),
    moment('१२ मई २०२४', 'D MMMM YYYY').format('YYYY-MM-DD').length, moment.duration(3, 'days').humanize(), moment.months()[0], moment(new Date(0)).locale('en').format('MMMM'),
    moment('12 मई 2024', 'D MMMM YYYY', 'hi', true).isValid(), moment.weekdays(true)[0], moment.localeData('hi').firstDayOfWeek(),
  ]};
}

//! the language is English again
//  on  pregnancy
//  all  {"parameters":["en","12 May","en"]}
({imports: {moment}}) => ({parameters: [moment.locale(), moment('2024-05-12').format('D MMMM'), moment(new Date(0)).locale()]})

//! the languages of South Asia
//  on  pregnancy
//  UTC              {"parameters":["mr|१२ मे २०२४ रविवार सकाळी|१|२ तासांमध्ये","gu|૧૨ મે ૨૦૨૪ રવિવાર સવાર|૧|૨ કલાક મા","kn|೧೨ ಮೇ ೨೦೨೪ ಭಾನುವಾರ ಬೆಳಿಗ್ಗೆ|೧|೨ ಗಂಟೆ ನಂತರ","te|12 మే 2024 ఆదివారం ఉదయం|1|2 గంటలు లో","ta|௧௨ மே ௨௦௨௪ ஞாயிற்றுக்கிழமை  காலை|௧|௨ மணி நேரம் இல்","ml|12 മേയ് 2024 ഞായറാഴ്ച രാവിലെ|1|2 മണിക്കൂർ കഴിഞ്ഞ്","bn|১২ মে ২০২৪ রবিবার সকাল|১|২ ঘন্টা পরে","bn-bd|১২ মে ২০২৪ রবিবার সকাল|১|২ ঘন্টা পরে","pa-in|੧੨ ਮਈ ੨੦੨੪ ਐਤਵਾਰ ਸਵੇਰ|੧|੨ ਘੰਟੇ ਵਿੱਚ","ne|१२ मई २०२४ आइतबार बिहान|१|२ घण्टामा","ur|12 مئی 2024 اتوار صبح|1|2 گھنٹے بعد","sd|12 مئي 2024 آچر صبح|1|2 ڪلاڪ پوء","si|2024 මැයි 12 ඉරිදා පෙ.ව.|1|පැය 2කින්","gom-deva|12 मे 2024 आयतार सकाळीं|1|2 वरांनी","gom-latn|12 Mai 2024 Aitar sokallim|1|2 voramni","en-in|12 May 2024 Sunday am|1|in 2 hours","en-gb|12 May 2024 Sunday am|1|in 2 hours","en-gb|12 May 2024 Sunday am|1|in 2 hours","hi|१२ मई २०२४ रविवार सुबह|१|२ घंटे में"]}
//  Asia/Kolkata     {"parameters":["mr|१२ मे २०२४ रविवार दुपारी|१|२ तासांमध्ये","gu|૧૨ મે ૨૦૨૪ રવિવાર બપોર|૧|૨ કલાક મા","kn|೧೨ ಮೇ ೨೦೨೪ ಭಾನುವಾರ ಮಧ್ಯಾಹ್ನ|೧|೨ ಗಂಟೆ ನಂತರ","te|12 మే 2024 ఆదివారం మధ్యాహ్నం|1|2 గంటలు లో","ta|௧௨ மே ௨௦௨௪ ஞாயிற்றுக்கிழமை  எற்பாடு|௧|௨ மணி நேரம் இல்","ml|12 മേയ് 2024 ഞായറാഴ്ച ഉച്ച കഴിഞ്ഞ്|1|2 മണിക്കൂർ കഴിഞ്ഞ്","bn|১২ মে ২০২৪ রবিবার দুপুর|১|২ ঘন্টা পরে","bn-bd|১২ মে ২০২৪ রবিবার বিকাল|১|২ ঘন্টা পরে","pa-in|੧੨ ਮਈ ੨੦੨੪ ਐਤਵਾਰ ਦੁਪਹਿਰ|੧|੨ ਘੰਟੇ ਵਿੱਚ","ne|१२ मई २०२४ आइतबार दिउँसो|१|२ घण्टामा","ur|12 مئی 2024 اتوار شام|1|2 گھنٹے بعد","sd|12 مئي 2024 آچر شام|1|2 ڪلاڪ پوء","si|2024 මැයි 12 ඉරිදා ප.ව.|1|පැය 2කින්","gom-deva|12 मे 2024 आयतार दनपारां|1|2 वरांनी","gom-latn|12 Mai 2024 Aitar donparam|1|2 voramni","en-in|12 May 2024 Sunday pm|1|in 2 hours","en-gb|12 May 2024 Sunday pm|1|in 2 hours","en-gb|12 May 2024 Sunday pm|1|in 2 hours","hi|१२ मई २०२४ रविवार दोपहर|१|२ घंटे में"]}
//  America/New_York {"parameters":["mr|१२ मे २०२४ रविवार पहाटे|१|२ तासांमध्ये","gu|૧૨ મે ૨૦૨૪ રવિવાર સવાર|૧|૨ કલાક મા","kn|೧೨ ಮೇ ೨೦೨೪ ಭಾನುವಾರ ಬೆಳಿಗ್ಗೆ|೧|೨ ಗಂಟೆ ನಂತರ","te|12 మే 2024 ఆదివారం ఉదయం|1|2 గంటలు లో","ta|௧௨ மே ௨௦௨௪ ஞாயிற்றுக்கிழமை  வைகறை|௧|௨ மணி நேரம் இல்","ml|12 മേയ് 2024 ഞായറാഴ്ച രാവിലെ|1|2 മണിക്കൂർ കഴിഞ്ഞ്","bn|১২ মে ২০২৪ রবিবার সকাল|১|২ ঘন্টা পরে","bn-bd|১২ মে ২০২৪ রবিবার ভোর|১|২ ঘন্টা পরে","pa-in|੧੨ ਮਈ ੨੦੨੪ ਐਤਵਾਰ ਸਵੇਰ|੧|੨ ਘੰਟੇ ਵਿੱਚ","ne|१२ मई २०२४ आइतबार बिहान|१|२ घण्टामा","ur|12 مئی 2024 اتوار صبح|1|2 گھنٹے بعد","sd|12 مئي 2024 آچر صبح|1|2 ڪلاڪ پوء","si|2024 මැයි 12 ඉරිදා පෙ.ව.|1|පැය 2කින්","gom-deva|12 मे 2024 आयतार सकाळीं|1|2 वरांनी","gom-latn|12 Mai 2024 Aitar sokallim|1|2 voramni","en-in|12 May 2024 Sunday am|1|in 2 hours","en-gb|12 May 2024 Sunday am|1|in 2 hours","en-gb|12 May 2024 Sunday am|1|in 2 hours","hi|१२ मई २०२४ रविवार सुबह|१|२ घंटे में"]}
({imports: {moment}}) => ({parameters: ['mr', 'gu', 'kn', 'te', 'ta', 'ml', 'bn', 'bn-bd', 'pa-in', 'ne', 'ur', 'sd', 'si', 'gom-deva', 'gom-latn', 'en-in', 'en-gb', 'EN_GB', 'hi-IN'].map((name) => {
  const date = moment(new Date('2024-05-12T09:30:00Z')).locale(name);
  return [date.locale(), date.format('LL dddd a'), moment.localeData(name).postformat('1'), moment.duration(2, 'hours').locale(name).humanize(true)].join('|');
})})

//! a language that there is not
//  on  pregnancy
//  all  {"parameters":["en","mr","mr","mr","mr"]}
({imports: {moment}}) => ({parameters: [moment.locale('xx'), moment.locale(['xy', 'mr', 'hi']), moment.locale('../hi'), moment.locale('__proto__'), moment(0).locale('zz').locale()]})

//! a language of its own
//  on  pregnancy
//  all  {"parameters":["e"]}
({imports: {moment}}) => {
  try {
    moment.updateLocale('en', {months: 'a_b_c_d_e_f_g_h_i_j_k_l'.split('_')});
  } catch (e) {
    return {parameters: [e.name]};
  }
  const month = moment('2024-05-12').format('MMMM');
  moment.updateLocale('en', null);
  return {parameters: [month]};
}

//! moment format of nothing
//  on  pregnancy
//  all  {"parameters":["2024-05-05T03:04:05Z",25,"2024-05-05T03:04:05Z","2024-05-05T03:04:05Z"]}
({imports: {moment}}) => { const date = moment(new Date('2024-05-05T03:04:05Z')).utc(); return {parameters: [date.format(''), moment(new Date(0)).format('').length, date.format(null), date.format(undefined)]}; }

//! parameters that functions take
//  on  pregnancy
//  all  {"parameters":["2","3","3","0","1","1","1","2","1","0","1","1","1","1","1","2","2","1","3","2","3","2","map","Array","RegExp","parse","","apply","2","1,2"]}
({params: {entity}, imports: {lodash, moment}}) => ({parameters: [
  lodash.filter.length, lodash.find.length, lodash.some.length, lodash.sortBy.length, lodash.isNil.length, lodash.isEmpty.length, lodash.isString.length, moment.fn.add.length, moment.fn.format.length,
  moment.fn.isValid.length, [].map.length, [].join.length, [].concat.length, Array.length, Array.from.length, ''.split.length, ''.replace.length, ''.repeat.length, JSON.stringify.length, JSON.parse.length, Reflect.set.length,
  entity.findObservation.length, [].map.name, Array.name, RegExp.name, JSON.parse.name, moment.fn.add.name, Math.max.apply.name, Promise.prototype.then.length,
  lodash.curry(lodash.filter)([0, 1, 2])(Boolean),
].map(String)})

//! dates that compare in their own way
//  on  pregnancy
//  all  throws TypeError
({imports: {lodash}}) => {
  class Late extends Date { valueOf() { return -super.valueOf(); } }
  const odd = new Date(1);
  odd.valueOf = () => 100;
  const primitive = new Date(1);
  primitive[Symbol.toPrimitive] = () => 100;
  const times = (list) => lodash.sortBy(list, (date) => date).map((date) => date.getTime()).join();
  return {parameters: [times([new Late(1), new Late(2)]), times([odd, new Date(2)]), times([primitive, new Date(2)]), times([new Date(2), new Date(1)])]};
}

//! emptiness of what is like a model
//  on  pregnancy
//  all  {"parameters":[true,true,false,true,false]}
({params: {entity}, imports: {lodash}}) => {
  const hidden = Object.create(Object.getPrototypeOf(entity), {that: {value: {}, enumerable: false}});
  const getter = Object.defineProperty({}, 'that', {get() { throw new Error('x'); }});
  return {parameters: [lodash.isEmpty(hidden), lodash.isEmpty(getter), lodash.isEmpty(entity), lodash.isEmpty(Object.getPrototypeOf(entity)), lodash.isEmpty(new entity.constructor({}))]};
}

//! a model that a rule extends
//  on  pregnancy
//  all  {"parameters":[true,-1,true,true,true,true]}
({params: {entity}}) => {
  class Mine extends entity.constructor {
    get observations() { return super.observations.slice(1); }
  }
  const mine = new Mine(entity.that);
  const first = entity.observations[0].concept.name;
  const bare = new entity.constructor(entity.that);
  Object.defineProperty(bare, 'observations', {value: []});
  const {findObservation} = entity.constructor.prototype;
  return {parameters: [
    mine.findObservation(first) === undefined, mine.observations.length - entity.observations.length, mine instanceof entity.constructor, bare.findObservation(first) === undefined,
    findObservation.call({that: {observations: [{concept: {name: 'q'}}]}, observations: []}, 'q') === undefined, entity.findObservation(first) !== undefined,
  ]};
}

//! an array that a rule extends
//  on  pregnancy
//  all  {"parameters":[12,5,10,"Sums",true,true]}
() => {
  class Sums extends Array { sum() { return this.reduce((a, b) => a + b, 0); } }
  const sums = new Sums(1, 2, 3);
  return {parameters: [sums.map((x) => x * 2).sum(), sums.filter((x) => x > 1).sum(), sums.concat([4]).sum(), sums.slice(1).constructor.name, Sums[Symbol.species] === Sums, [1].map((x) => x).constructor === Array]};
}

//! lists of an entity that are filtered
//  on  pregnancy
//  all  {"parameters":["RealmListProxy","RealmListProxy",true,"Array","RealmListProxy","TypeError","TypeError",true,"[1,1,1,1,1,1]"]}
({params: {entity}}) => {
  const {encounters} = entity;
  const some = encounters.filter(() => true);
  const attempt = (f) => { try { return f(); } catch (e) { return e.name; } };
  return {parameters: [
    some.constructor.name, encounters.map((x) => 1).constructor.name, encounters.slice(0).length === encounters.length, Array.from(encounters).constructor.name, encounters.concat([]).constructor.name,
    attempt(() => some.pop()), attempt(() => encounters.slice(0, 1).push(1)), Array.isArray(some), JSON.stringify(encounters.map((x) => 1)),
  ]};
}

//! fields of JSON in the order asked for
//  on  pregnancy
//  all  {"parameters":["{\"c\":{\"b\":1,\"a\":2},\"b\":2,\"a\":1}","{\"a\":3}","{\"a\":2}","{\"1\":1}","[{\"b\":2},[{\"b\":1}]]","{\"b\":2,\"a\":1}","{\"a\":[1,\"s\",false,null]}","{\"a\":1}","{\"b\":{\"a\":2},\"a\":\"1970-01-01T00:00:00.000Z\"}"]}
() => ({parameters: [
  JSON.stringify({a: 1, b: 2, c: {b: 1, a: 2}}, ['c', 'b', 'a']), JSON.stringify({true: 1, null: 2, a: 3}, [true, null, 'a', {}]), JSON.stringify({'': 1, a: 2}, ['a']), JSON.stringify({1: 1, x: 2}, [1]),
  JSON.stringify([{a: 1, b: 2}, [{b: 1}]], ['b']), JSON.stringify({a: 1, b: 2}, ['b', 'b', new String('a')]), JSON.stringify({a: [new Number(1), new String('s'), new Boolean(false), null], b: () => 1}, ['a', 'b']),
  JSON.stringify(Object.create({a: 1}), ['a']), JSON.stringify({a: new Date(0), b: {toJSON: () => ({c: 1, a: 2})}}, ['b', 'a']),
]})

//! methods of nothing
//  on  pregnancy
//  all  {"parameters":["TypeError","TypeError","TypeError","TypeError","TypeError","555","  true"]}
() => ({parameters: [''.repeat, ''.padStart, ''.split, ''.concat, ''.replace].map((f) => { try { return f.call(null, 'a'); } catch (e) { return e.name; } }).concat([''.repeat.call(5, 3), ''.padStart.call(true, 6)])})

//! changes to what rules share, by Reflect
//  on  pregnancy
//  all  {"parameters":[true,true,true,true,"set","defined",true,"prototype",false,true]}
({imports: {moment, lodash}}) => {
  const {sum} = lodash;
  const done = [Reflect.set(moment.fn, 'mine', () => 'set'), Reflect.defineProperty(String.prototype, 'mine', {value: 'defined', configurable: true}), Reflect.deleteProperty(lodash, 'sum'), Reflect.setPrototypeOf(Math, {mine: 'prototype'})];
  const seen = [moment().mine(), ''.mine, lodash.sum === undefined, Math.mine, Reflect.set(Object.freeze({}), 'a', 1), Reflect.set({}, 'a', 1)];
  Reflect.deleteProperty(moment.fn, 'mine');
  Reflect.deleteProperty(String.prototype, 'mine');
  Reflect.setPrototypeOf(Math, Object.prototype);
  lodash.sum = sum;
  return {parameters: done.concat(seen)};
}

//! changes to what rules share, caught
//  on  pregnancy
//  all  {"parameters":["done","done","1","2","2","refused","done","3","done","4","6"]}
async ({params: {entity}, imports: {moment, lodash}}) => {
  const share = [Array, Number].map((C) => C['proto' + 'type']);
  const answers = [];
  const sneak = (f) => { try { f(); } catch { return 'refused'; } return 'done'; };
  const sneaks = (f) => { try { f(); } catch ({message: [first]}) { let second = 1; return first + second; } return 'done'; };
  answers.push(sneak(() => { share[0].mine = 1; }), sneaks(() => { share[1].mine = 2; }), [].mine, (1).mine, sneaks(() => null.x).length, sneak(() => null.x));
  answers.push(lodash.attempt(() => { share[0].other = 3; return 'done'; }), [].other);
  answers.push(await Promise.resolve().then(() => { share[0].late = 4; return 'done'; }).catch((e) => e.name), [].late);
  answers.push(await new Promise((resolve, reject) => reject(5)).then(null, (x) => x + 1));
  ['mine', 'other', 'late'].forEach((name) => share.forEach((prototype) => { delete prototype[name]; }));
  return {parameters: answers.map(String)};
}

//! own members of the names of shared ones
//  on  pregnancy
//  all  {"parameters":["mine","mine","mine","mine","mine","mine","mine","1970",5,5,6]}
({params: {entity}, imports: {moment, lodash}}) => {
  const put = (object, name) => { try { object[name] = () => 'mine'; return object[name](); } catch (e) { return e.name; } };
  return {parameters: [
    put([], 'map'), put(new Date(0), 'toJSON'), put(moment(0), 'format'), put(() => 1, 'call'), put(new Map(), 'get'), put(entity, 'findObservation'), put(entity.observations, 'isEmpty'),
    lodash.cloneDeep(moment.utc(0)).format('YYYY'), lodash.cloneDeep([moment.duration(5)])[0].asMilliseconds(), Object.assign(Object.create(Array.prototype), {map: 5}).map, lodash.create(Array.prototype, {map: 6}).map,
  ]};
}

//! catch clauses as they are
//  on  pregnancy
//  all  {"parameters":["a","inner",1,2,"outer","outer","finally","TypeError",2,1,"TypeError","x"]}
() => {
  const e = 'outer';
  const texts = [];
  try { throw new Error('a'); } catch (e) { texts.push(e.message); { let e = 'inner'; texts.push(e); } }
  try { throw {a: {b: 1}, c: [2]}; } catch ({a: {b}, c: [d], x = e}) { texts.push(b, d, x); }
  try { throw null; } catch { texts.push(e); }
  try { try { throw new TypeError('x'); } finally { texts.push('finally'); } } catch (e) { texts.push(e.name); var kept = e; }
  try { throw 1; } catch (n) { texts.push((() => n + 1)()); function inner() { return n; } texts.push(inner()); }
  try { null.x; } catch ({name}) { texts.push(name); }
  return {parameters: [...texts, kept.message]};
}
