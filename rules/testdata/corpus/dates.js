//! New York springs forward: two in the morning
//  on  student
//  now  2024-03-10T06:30:00Z
//  UTC              {"parameters":["2024-03-10T01:30:00+00:00","2024-03-10T02:30:00+00:00","2024-03-11T01:30:00+00:00","2024-03-11T01:30:00+00:00",23,false]}
//  Asia/Kolkata     {"parameters":["2024-03-10T01:30:00+05:30","2024-03-10T02:30:00+05:30","2024-03-11T01:30:00+05:30","2024-03-11T01:30:00+05:30",23,false]}
//  America/New_York {"parameters":["2024-03-10T01:30:00-05:00","2024-03-10T03:30:00-04:00","2024-03-11T01:30:00-04:00","2024-03-11T02:30:00-04:00",22,false]}
({imports: {moment}}) => {
  const m = moment().startOf('day').hour(1).minute(30);
  return {parameters: [m.format(), m.clone().add(1, 'hour').format(), m.clone().add(1, 'day').format(), m.clone().add(24, 'hours').format(), m.clone().endOf('day').diff(m.clone().startOf('day'), 'hours'), m.isDST()]};
}

//! New York springs forward: a day is 23 hours
//  on  student
//  now  2024-03-09T14:00:00Z
//  UTC              {"scheduledDateTime":"2024-03-10T09:00:00.000Z","parameters":[2,48,172800000,2,0,0]}
//  Asia/Kolkata     {"scheduledDateTime":"2024-03-10T03:30:00.000Z","parameters":[2,48,172800000,2,330,330]}
//  America/New_York {"scheduledDateTime":"2024-03-10T13:00:00.000Z","parameters":[2,47,169200000,2,-300,-240]}
({imports: {moment}}) => {
  const from = moment().startOf('day'), to = from.clone().add(2, 'days');
  return {scheduledDateTime: from.clone().add(1, 'day').hour(9).toDate(), parameters: [to.diff(from, 'days'), to.diff(from, 'hours'), to - from, to.diff(from, 'days', true), from.utcOffset(), to.utcOffset()]};
}

//! New York springs forward: native dates
//  on  student
//  UTC              {"parameters":["2024-03-10T00:00:00.000Z","2024-03-10T01:00:00.000Z","2024-03-10T03:00:00.000Z","2024-03-10T04:00:00.000Z","2024-03-11T00:00:00.000Z",0,0,43200000]}
//  Asia/Kolkata     {"parameters":["2024-03-09T18:30:00.000Z","2024-03-09T19:30:00.000Z","2024-03-09T21:30:00.000Z","2024-03-09T22:30:00.000Z","2024-03-10T18:30:00.000Z",-330,-330,43200000]}
//  America/New_York {"parameters":["2024-03-10T05:00:00.000Z","2024-03-10T06:00:00.000Z","2024-03-10T07:00:00.000Z","2024-03-10T08:00:00.000Z","2024-03-11T04:00:00.000Z",240,300,39600000]}
({}) => {
  const d = new Date(2024, 2, 10, 0, 0, 0);
  const hours = [0, 1, 3, 4].map((h) => new Date(2024, 2, 10, h).toISOString());
  d.setDate(d.getDate() + 1);
  return {parameters: [...hours, d.toISOString(), d.getTimezoneOffset(), new Date(2024, 2, 9).getTimezoneOffset(), new Date(2024, 2, 10, 12) - new Date(2024, 2, 10)]};
}

//! an hour that does not exist
//  on  student
//  UTC              {"parameters":["2024-03-10T02:30:00.000Z","2024-03-10T02:30:00.000Z","2024-03-10T02:30:00+00:00"]}
//  Asia/Kolkata     {"parameters":["2024-03-09T21:00:00.000Z","2024-03-09T21:00:00.000Z","2024-03-10T02:30:00+05:30"]}
//  America/New_York {"parameters":["2024-03-10T06:30:00.000Z","2024-03-10T06:30:00.000Z","2024-03-10T01:30:00-05:00"]}
//  node  Go takes the offset after the gap, Node.js that before it: an hour apart
({imports: {moment}}) => ({parameters: [new Date(2024, 2, 10, 2, 30).toISOString(), moment('2024-03-10T02:30:00').toISOString(), moment('2024-03-10').hour(2).minute(30).format()]})

//! New York falls back: an hour that comes twice
//  on  student
//  now  2024-11-03T05:45:00Z
//  UTC              {"scheduledDateTime":"2024-11-03T06:45:00.000Z","parameters":["2024-11-03T05:45:00+00:00","2024-11-03T06:45:00+00:00","2024-11-03T07:45:00+00:00","2024-11-03T01:30:00.000Z",23]}
//  Asia/Kolkata     {"scheduledDateTime":"2024-11-03T06:45:00.000Z","parameters":["2024-11-03T11:15:00+05:30","2024-11-03T12:15:00+05:30","2024-11-03T13:15:00+05:30","2024-11-02T20:00:00.000Z",23]}
//  America/New_York {"scheduledDateTime":"2024-11-03T06:45:00.000Z","parameters":["2024-11-03T01:45:00-04:00","2024-11-03T01:45:00-05:00","2024-11-03T02:45:00-05:00","2024-11-03T05:30:00.000Z",24]}
({imports: {moment}}) => ({scheduledDateTime: moment().add(1, 'hour'), parameters: [moment().format(), moment().add(1, 'hour').format(), moment().add(2, 'hours').format(), new Date(2024, 10, 3, 1, 30).toISOString(), moment('2024-11-03').endOf('day').diff(moment('2024-11-03'), 'hours')]})

//! New York falls back: every day at nine
//  on  student
//  now  2024-11-01T13:00:00Z
//  UTC              {"parameters":["2024-11-01T09:00:00.000Z","2024-11-02T09:00:00.000Z","2024-11-03T09:00:00.000Z","2024-11-04T09:00:00.000Z","2024-11-05T09:00:00.000Z"]}
//  Asia/Kolkata     {"parameters":["2024-11-01T04:00:00.000Z","2024-11-02T04:00:00.000Z","2024-11-03T04:00:00.000Z","2024-11-04T04:00:00.000Z","2024-11-05T04:00:00.000Z"]}
//  America/New_York {"parameters":["2024-11-01T13:00:00.000Z","2024-11-02T13:00:00.000Z","2024-11-03T14:00:00.000Z","2024-11-04T14:00:00.000Z","2024-11-05T14:00:00.000Z"]}
({imports: {moment}}) => ({parameters: [0, 1, 2, 3, 4].map((n) => moment().hour(9).add(n, 'days').toISOString())})

//! New York falls back: native dates
//  on  student
//  UTC              {"parameters":["2023-11-05T00:00:00.000Z",0,"2023-11-05T12:00:00.000Z",12,"2023-11-06T00:00:00.000Z",0,"2023-11-06T12:00:00.000Z",12]}
//  Asia/Kolkata     {"parameters":["2023-11-04T18:30:00.000Z",0,"2023-11-05T06:30:00.000Z",12,"2023-11-05T18:30:00.000Z",0,"2023-11-06T06:30:00.000Z",12]}
//  America/New_York {"parameters":["2023-11-05T04:00:00.000Z",0,"2023-11-05T16:00:00.000Z",11,"2023-11-06T04:00:00.000Z",23,"2023-11-06T16:00:00.000Z",11]}
({}) => {
  const d = new Date(2023, 10, 5);
  const out = [];
  for (let i = 0; i < 4; i++) { out.push(d.toISOString(), d.getHours()); d.setTime(d.getTime() + 12 * 36e5); }
  return {parameters: out};
}

//! weeks, quarters, leap years
//  on  student
//  all  {"parameters":["9 9 2024 1 60 true 4 4","1 1 2025 4 365 true 1 1","1 1 2025 1 1 false 3 3","2 53 2020 1 3 false 0 7"]}
({imports: {moment}}) => ({parameters: ['2024-02-29', '2024-12-30', '2025-01-01', '2021-01-03'].map((d) => { const m = moment(d); return [m.week(), m.isoWeek(), m.isoWeekYear(), m.quarter(), m.dayOfYear(), m.isLeapYear(), m.weekday(), m.isoWeekday()].join(' '); })})

//! month arithmetic at the end of a month
//  on  student
//  all  {"parameters":["2024-02-29","2023-02-28","2024-02-29","2025-02-28","2024-03-29","2024-08-31"]}
({imports: {moment}}) => ({parameters: [moment('2024-01-31').add(1, 'month'), moment('2023-01-31').add(1, 'M'), moment('2024-03-31').subtract(1, 'month'), moment('2024-02-29').add(1, 'y'), moment('2024-01-31').add(1, 'month').add(1, 'month'), moment('2024-05-31').add(1, 'Q')].map((m) => m.format('YYYY-MM-DD'))})

//! differences in every unit
//  on  student
//  UTC              {"parameters":[1,17,76,533,12793,767609,46056585,5,"17.53541"]}
//  Asia/Kolkata     {"parameters":[1,17,76,533,12793,767609,46056585,5,"17.53541"]}
//  America/New_York {"parameters":[1,17,76,533,12792,767549,46052985,5,"17.53541"]}
({imports: {moment}}) => { const a = moment('2024-05-01T10:00:00'), b = moment('2022-11-15T08:30:15'); return {parameters: ['years', 'months', 'weeks', 'days', 'hours', 'minutes', 'seconds', 'quarters'].map((u) => a.diff(b, u)).concat(a.diff(b, 'months', true).toFixed(5))}; }

//! start and end of every unit
//  on  student
//  all  {"parameters":["2024-01-01 00:00 12-31 23:59:59.999","2024-04-01 00:00 06-30 23:59:59.999","2024-05-01 00:00 05-31 23:59:59.999","2024-04-28 00:00 05-04 23:59:59.999","2024-04-29 00:00 05-05 23:59:59.999","2024-05-01 00:00 05-01 23:59:59.999","2024-05-01 10:00 05-01 10:59:59.999","2024-05-01 10:20 05-01 10:20:59.999"]}
({imports: {moment}}) => ({parameters: ['year', 'quarter', 'month', 'week', 'isoWeek', 'day', 'hour', 'minute'].map((u) => `${moment('2024-05-01T10:20:30').startOf(u).format('YYYY-MM-DD HH:mm')} ${moment('2024-05-01T10:20:30').endOf(u).format('MM-DD HH:mm:ss.SSS')}`)})

//! comparisons
//  on  student
//  all  {"parameters":[true,false,true,true,true,false,true,2023,2025,true,true]}
({imports: {moment}}) => { const m = moment('2024-05-01T10:00:00'); return {parameters: [m.isBefore('2024-05-02'), m.isAfter(m), m.isSame('2024-05-31', 'month'), m.isSameOrBefore(m), m.isSameOrAfter('2024-05-01', 'day'), m.isBetween('2024-04-30', '2024-05-01T10:00:00'), m.isBetween('2024-04-30', '2024-05-01T10:00:00', undefined, '(]'), moment.min(m, moment('2023-01-01')).year(), moment.max([m, moment('2025-01-01')]).year(), moment.isMoment(m), moment.isDate(m.toDate())]}; }

//! formats
//  on  student
//  UTC              {"parameters":["2:05 PM","2:05:09 PM","05/01/2024","5/1/2024","May 1, 2024","May 1, 2024 2:05 PM","Wednesday, May 1, 2024 2:05 PM","1st May 24","Wednesday 122","02:05 PM","14:5:9","14","1714572309087","1714572309","2","2024-W18","2024-W18","3 3","+0000","on 1st","01/05/2024 at 2 pm","087","May 5th","18th","AD"]}
//  Asia/Kolkata     {"parameters":["2:05 PM","2:05:09 PM","05/01/2024","5/1/2024","May 1, 2024","May 1, 2024 2:05 PM","Wednesday, May 1, 2024 2:05 PM","1st May 24","Wednesday 122","02:05 PM","14:5:9","14","1714552509087","1714552509","2","2024-W18","2024-W18","3 3","+0530","on 1st","01/05/2024 at 2 pm","087","May 5th","18th","AD"]}
//  America/New_York {"parameters":["2:05 PM","2:05:09 PM","05/01/2024","5/1/2024","May 1, 2024","May 1, 2024 2:05 PM","Wednesday, May 1, 2024 2:05 PM","1st May 24","Wednesday 122","02:05 PM","14:5:9","14","1714586709087","1714586709","2","2024-W18","2024-W18","3 3","-0400","on 1st","01/05/2024 at 2 pm","087","May 5th","18th","AD"]}
({imports: {moment}}) => ({parameters: ['LT', 'LTS', 'L', 'l', 'LL', 'LLL', 'LLLL', 'Do MMM YY', 'dddd DDD', 'hh:mm A', 'H:m:s', 'kk', 'x', 'X', 'Q', 'gggg-[W]ww', 'GGGG-[W]WW', 'e E', 'ZZ', '[on] Do', 'DD/MM/YYYY [at] h a', 'SSS', 'MMMM Mo', 'wo', 'N'].map((f) => moment('2024-05-01T14:05:09.087').format(f))})

//! parsing with a format
//  on  student
//  UTC              {"parameters":["2024-04-05T00:00:00.000Z","2024-04-05T15:07:00.000Z","2024-04-09T00:00:00.000Z","2024-04-10T00:00:00.000Z","2024-05-01T10:00:00.000Z","2024-05-01T20:30:00.000Z","2024-04-05T06:00:00.000Z","2024-04-05T00:00:00.000Z","2024-04-05T06:07:00.000Z","2024-04-05T06:07:00.000Z",false,false,"04/05/2024"]}
//  Asia/Kolkata     {"parameters":["2024-04-04T18:30:00.000Z","2024-04-05T09:37:00.000Z","2024-04-08T18:30:00.000Z","2024-04-09T18:30:00.000Z","2024-05-01T10:00:00.000Z","2024-05-01T15:00:00.000Z","2024-04-05T00:30:00.000Z","2024-04-04T18:30:00.000Z","2024-04-05T00:37:00.000Z","2024-04-05T06:07:00.000Z",false,false,"04/05/2024"]}
//  America/New_York {"parameters":["2024-04-05T04:00:00.000Z","2024-04-05T19:07:00.000Z","2024-04-09T04:00:00.000Z","2024-04-10T04:00:00.000Z","2024-05-01T10:00:00.000Z","2024-05-02T00:30:00.000Z","2024-04-05T10:00:00.000Z","2024-04-05T04:00:00.000Z","2024-04-05T10:07:00.000Z","2024-04-05T06:07:00.000Z",false,false,"04/05/2024"]}
({imports: {moment}}) => ({parameters: [moment('05/04/2024', 'DD/MM/YYYY'), moment('5-Apr-24 3:07 pm', 'D-MMM-YY h:mm a'), moment('2024-100', 'YYYY-DDDD'), moment('2024-W15-3', 'GGGG-[W]WW-E'), moment('1714557600', 'X'), moment('20:30', 'HH:mm'), moment([2024, 3, 5, 6]), moment({year: 2024, month: 3, day: 5}), moment('2024-04-05 06:07'), moment('2024-04-05T06:07Z')].map((m) => m.toISOString()).concat(moment('31/02/2024', 'DD/MM/YYYY', true).isValid(), moment('5/4/2024', 'DD/MM/YYYY', true).isValid(), moment('5/4/2024', ['YYYY-MM-DD', 'D/M/YYYY'], true).format('L'))})

//! durations
//  on  student
//  all  {"parameters":[64.16666666666667,"P2M3DT4H","2 months",2,1.5,"14.332","3 days ago",30,"1.6534"]}
({imports: {moment}}) => { const d = moment.duration({months: 2, days: 3, hours: 4}); return {parameters: [d.asDays(), d.toISOString(), d.humanize(), d.months(), moment.duration(90, 'minutes').asHours(), moment.duration('P1Y2M10DT2H30M').asMonths().toFixed(3), moment.duration(-3, 'days').humanize(true), moment.duration('01:30').minutes(), moment.duration(1e9).asWeeks().toFixed(4)]}; }

//! UTC and offsets
//  on  student
//  UTC              {"parameters":["2024-05-01T00:00:00Z",0,"2024-05-01T04:30:00.000Z","2024-05-01T10:00:00+05:30","2024-05-01T15:30:00+05:30","02:00 -08:00","+00:00",0]}
//  Asia/Kolkata     {"parameters":["2024-05-01T00:00:00Z",0,"2024-05-01T04:30:00.000Z","2024-05-01T10:00:00+05:30","2024-05-01T15:30:00+05:30","02:00 -08:00","+05:30",330]}
//  America/New_York {"parameters":["2024-05-01T00:00:00Z",0,"2024-05-01T04:30:00.000Z","2024-05-01T10:00:00+05:30","2024-05-01T15:30:00+05:30","02:00 -08:00","-04:00",-240]}
({imports: {moment}}) => ({parameters: [moment.utc('2024-05-01').format(), moment('2024-05-01T00:00:00Z').utc().hour(), moment('2024-05-01T10:00:00+05:30').toISOString(), moment.parseZone('2024-05-01T10:00:00+05:30').format(), moment('2024-05-01T10:00:00Z').utcOffset(330).format(), moment('2024-05-01T10:00:00Z').utcOffset('-08:00').format('HH:mm Z'), moment.utc().local().format('Z'), moment('2024-05-01').utcOffset()]})

//! relative times
//  on  student
//  all  {"parameters":["a few seconds ago","a minute ago","an hour ago","in a day","in a month","10 months ago","in 2 years"]}
({imports: {moment}}) => ({parameters: [moment().subtract(44, 's'), moment().subtract(46, 's'), moment().subtract(50, 'm'), moment().add(23, 'h'), moment().add(26, 'd'), moment().subtract(10, 'M'), moment().add(18, 'M')].map((m) => m.fromNow())})

//! calendar
//  on  student
//  all  {"parameters":["04/23/2024","Yesterday at 9:00 AM","Today at 9:00 AM","Tomorrow at 9:00 AM","Saturday at 9:00 AM"]}
({imports: {moment}}) => ({parameters: [-8, -1, 0, 1, 3].map((n) => moment().startOf('day').hour(9).add(n, 'd').calendar())})

//! setters and getters of moment
//  on  student
//  all  {"parameters":[4,"05/31/2024","02/01/2024","04/28/2024","05/05/2024","01/03/2024","02/29/2024","01/01/2025","2024,4,1,10,20,30,400","{\"years\":2024,\"months\":4,\"date\":1,\"hours\":10,\"minutes\":20,\"seconds\":30,\"milliseconds\":400}",0,0]}
({imports: {moment}}) => { const m = moment('2024-05-01T10:20:30.400'); return {parameters: [m.get('month'), m.clone().set('date', 31).format('L'), m.clone().month('Feb').format('L'), m.clone().day('Sunday').format('L'), m.clone().isoWeekday(7).format('L'), m.clone().week(1).format('L'), m.clone().dayOfYear(60).format('L'), m.clone().set({y: 2025, M: 0}).format('L'), m.toArray().join(), JSON.stringify(m.toObject()), m.valueOf() - +m, m.unix() * 1000 + 400 - m]}; }

//! a moment as JSON and as text
//  on  student
//  UTC              {"at":"2024-05-01T10:00:00.000Z","text":"Wed May 01 2024 10:00:00 GMT+0000","iso":"2024-05-01T10:00:00.000+00:00","json":"{\"m\":\"2024-05-01T10:00:00.000Z\"}","date":"2024-05-01T10:00:00.000Z","inspect":"moment(\"2024-05-01T10:00:00.000\")","bad":null}
//  Asia/Kolkata     {"at":"2024-05-01T04:30:00.000Z","text":"Wed May 01 2024 10:00:00 GMT+0530","iso":"2024-05-01T10:00:00.000+05:30","json":"{\"m\":\"2024-05-01T04:30:00.000Z\"}","date":"2024-05-01T04:30:00.000Z","inspect":"moment(\"2024-05-01T10:00:00.000\")","bad":null}
//  America/New_York {"at":"2024-05-01T14:00:00.000Z","text":"Wed May 01 2024 10:00:00 GMT-0400","iso":"2024-05-01T10:00:00.000-04:00","json":"{\"m\":\"2024-05-01T14:00:00.000Z\"}","date":"2024-05-01T14:00:00.000Z","inspect":"moment(\"2024-05-01T10:00:00.000\")","bad":null}
({imports: {moment}}) => { const m = moment('2024-05-01T10:00:00'); return {at: m, text: `${m}`, iso: m.toISOString(true), json: JSON.stringify({m}), date: m.toDate(), inspect: m.inspect(), bad: moment.invalid()}; }

//! languages of moment
//  on  student
//  all  {"parameters":["en","मई",12,"Sun,Mon,Tue,Wed,Thu,Fri,Sat",0]}
({imports: {moment}}) => ({parameters: [moment.locale(), moment('2024-05-01').locale('hi').format('MMMM'), moment.months().length, moment.weekdaysShort().join(), moment.localeData().firstDayOfWeek()]})

//! native dates: parts
//  on  student
//  UTC              {"parameters":[2024,4,1,3,20,5,9,87,20,0,124,1714593909087]}
//  Asia/Kolkata     {"parameters":[2024,4,2,4,1,35,9,87,20,-330,124,1714593909087]}
//  America/New_York {"parameters":[2024,4,1,3,16,5,9,87,20,240,124,1714593909087]}
({}) => { const d = new Date('2024-05-01T20:05:09.087Z'); return {parameters: [d.getFullYear(), d.getMonth(), d.getDate(), d.getDay(), d.getHours(), d.getMinutes(), d.getSeconds(), d.getMilliseconds(), d.getUTCHours(), d.getTimezoneOffset(), d.getYear(), d.getTime()]}; }

//! native dates: as text
//  on  student
//  UTC              {"parameters":["Wed May 01 2024 20:05:09 GMT+0000 (Coordinated Universal Time)","Wed May 01 2024","20:05:09 GMT+0000 (Coordinated Universal Time)","2024-05-01T20:05:09.087Z","Wed, 01 May 2024 20:05:09 GMT","2024-05-01T20:05:09.087Z","Invalid Date","Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)","Wed May 01 2024 20:05:09 GMT+0000 (Coordinated Universal Time)1"]}
//  Asia/Kolkata     {"parameters":["Thu May 02 2024 01:35:09 GMT+0530 (India Standard Time)","Thu May 02 2024","01:35:09 GMT+0530 (India Standard Time)","2024-05-01T20:05:09.087Z","Wed, 01 May 2024 20:05:09 GMT","2024-05-01T20:05:09.087Z","Invalid Date","Thu Jan 01 1970 05:30:00 GMT+0530 (India Standard Time)","Thu May 02 2024 01:35:09 GMT+0530 (India Standard Time)1"]}
//  America/New_York {"parameters":["Wed May 01 2024 16:05:09 GMT-0400 (Eastern Daylight Time)","Wed May 01 2024","16:05:09 GMT-0400 (Eastern Daylight Time)","2024-05-01T20:05:09.087Z","Wed, 01 May 2024 20:05:09 GMT","2024-05-01T20:05:09.087Z","Invalid Date","Wed Dec 31 1969 19:00:00 GMT-0500 (Eastern Standard Time)","Wed May 01 2024 16:05:09 GMT-0400 (Eastern Daylight Time)1"]}
({}) => { const d = new Date('2024-05-01T20:05:09.087Z'); return {parameters: [d.toString(), d.toDateString(), d.toTimeString(), d.toISOString(), d.toUTCString(), d.toJSON(), String(new Date(NaN)), `${new Date(0)}`, d + 1]}; }

//! native dates: constructors
//  on  student
//  UTC              {"parameters":["2024-03-01T00:00:00.000Z","2024-01-01T00:00:00.000Z","1999-01-01T00:00:00.000Z","2024-05-02T02:02:02.001Z","1970-01-01T00:00:00.000Z","2024-05-01T00:00:00.000Z","2024-05-01T00:00:00.000Z","2024-05-01T04:30:00.000Z","2023-12-01T00:00:00.000Z","1970-01-01T00:00:00.005Z","1970-01-01T00:00:00.001Z","1970-01-01T00:00:00.000Z","+275760-09-13T00:00:00.000Z"]}
//  Asia/Kolkata     {"parameters":["2024-02-29T18:30:00.000Z","2023-12-31T18:30:00.000Z","1998-12-31T18:30:00.000Z","2024-05-01T20:32:02.001Z","1970-01-01T00:00:00.000Z","2024-05-01T00:00:00.000Z","2024-04-30T18:30:00.000Z","2024-05-01T04:30:00.000Z","2023-11-30T18:30:00.000Z","1970-01-01T00:00:00.005Z","1970-01-01T00:00:00.001Z","1970-01-01T00:00:00.000Z","+275760-09-13T00:00:00.000Z"]}
//  America/New_York {"parameters":["2024-03-01T05:00:00.000Z","2024-01-01T05:00:00.000Z","1999-01-01T05:00:00.000Z","2024-05-02T06:02:02.001Z","1970-01-01T00:00:00.000Z","2024-05-01T00:00:00.000Z","2024-05-01T04:00:00.000Z","2024-05-01T04:30:00.000Z","2023-12-01T05:00:00.000Z","1970-01-01T00:00:00.005Z","1970-01-01T00:00:00.001Z","1970-01-01T00:00:00.000Z","+275760-09-13T00:00:00.000Z"]}
({}) => ({parameters: [new Date(2024, 1, 30), new Date(2024, 0), new Date(99, 0), new Date(2024, 4, 1, 25, 61, 61, 1001), new Date(0), new Date('2024-05-01'), new Date('2024-05-01T00:00'), new Date('2024-05-01T10:00:00+05:30'), new Date(2024, -1), new Date(new Date(5)), new Date(true), new Date(null), new Date(8.64e15)].map((d) => d.toISOString())})

//! native dates: other texts
//  on  student
//  UTC              {"parameters":[1714521600000,1714521600000,1714521600000,1714559400000,1714537800000,1714557600000,1714559400000,1714521600000,1714521600000]}
//  Asia/Kolkata     {"parameters":[1714501800000,1714501800000,1714501800000,1714539600000,1714537800000,1714557600000,1714539600000,1714501800000,1714501800000]}
//  America/New_York {"parameters":[1714536000000,1714536000000,1714536000000,1714573800000,1714537800000,1714557600000,1714573800000,1714536000000,1714536000000]}
({}) => ({parameters: ['May 1, 2024', '1 May 2024', '2024/05/01', '05/01/2024 10:30', 'Wed May 01 2024 10:00:00 GMT+0530 (India Standard Time)', 'Wed, 01 May 2024 10:00:00 GMT', '2024-05-01 10:30', '2024-5-1', 'Wed May 01 2024'].map((t) => new Date(t).getTime())})

//! native dates: what is none
//  on  student
//  all  {"parameters":[true,true,true,false,true,true,true,true]}
({}) => ({parameters: ['', 'tomorrow', '2024-13-01', '2024-02-30T00:00', '31/12/2024', undefined, 'Invalid date', {}].map((t) => isNaN(new Date(t)))})

//! native dates: setters roll over
//  on  student
//  UTC              {"parameters":["2024-03-02T12:00:00.000Z","2024-02-29T12:00:00.000Z","2024-03-01T13:30:00.000Z","2023-03-01T13:30:00.000Z","2023-03-01T00:00:00.000Z",null,null]}
//  Asia/Kolkata     {"parameters":["2024-03-02T06:30:00.000Z","2024-02-29T06:30:00.000Z","2024-03-01T08:00:00.000Z","2023-03-01T08:00:00.000Z","2023-03-01T00:00:00.000Z",null,null]}
//  America/New_York {"parameters":["2024-03-02T17:00:00.000Z","2024-02-29T17:00:00.000Z","2024-03-01T18:30:00.000Z","2023-03-01T18:30:00.000Z","2023-03-01T00:00:00.000Z",null,null]}
({}) => { const d = new Date(2024, 0, 31, 12); const out = []; d.setMonth(1); out.push(d.toISOString()); d.setDate(0); out.push(d.toISOString()); d.setHours(36, 90); out.push(d.toISOString()); d.setFullYear(2023, 1, 29); out.push(d.toISOString()); d.setUTCHours(0, 0, 0, 0); out.push(d.toISOString()); out.push(d.setTime(NaN), d.setMinutes(5)); return {parameters: out}; }

//! native dates: Date.UTC, Date.parse, Date.now
//  on  student
//  all  {"parameters":[1714521600000,1704067200000,1714521600000,1714557600000,1714557600000,"string",7,true,1]}
({}) => ({parameters: [Date.UTC(2024, 4, 1), Date.UTC(2024), Date.parse('2024-05-01T00:00:00Z'), Date.now(), +new Date(), typeof Date(), Date.length, new Date(2024, 4, 1) < new Date(2024, 4, 2), new Date(2) - new Date(1)]})

//! native dates as an answer
//  on  student
//  all  {"scheduledDateTime":"2023-06-12T00:00:00.000Z","list":["2013-06-30T00:00:00.000Z",null],"nested":{"at":"2024-05-01T10:00:00.000Z"}}
({params}) => ({scheduledDateTime: params.entity.registrationDate, list: [params.entity.dateOfBirth, new Date(NaN)], nested: {at: new Date(1714557600000)}})

//! India's half hour
//  on  student
//  now  2024-05-01T18:29:59.999Z
//  UTC              {"parameters":["1","1",1,"2024-05-01T18:00:00.000Z","2024-05-01T23:59:59.999Z","2024-05-01T00:00:00.000Z"]}
//  Asia/Kolkata     {"parameters":["1","2",1,"2024-05-01T17:30:00.000Z","2024-05-01T18:29:59.999Z","2024-04-30T18:30:00.000Z"]}
//  America/New_York {"parameters":["1","1",1,"2024-05-01T18:00:00.000Z","2024-05-02T03:59:59.999Z","2024-05-01T04:00:00.000Z"]}
({imports: {moment}}) => ({parameters: [moment().format('D'), moment().add(1, 'ms').format('D'), new Date().getDate(), moment().startOf('hour').toISOString(), moment().endOf('day').toISOString(), moment('2024-05-01').toISOString()]})

//! the turn of the year
//  on  student
//  now  2024-12-31T20:00:00Z
//  UTC              {"scheduledDateTime":"2024-01-01T00:00:00.000Z","parameters":[2024,2024,"2025 2025 1 1",1,"Tuesday, December 31, 2024 11:59 PM"]}
//  Asia/Kolkata     {"scheduledDateTime":"2024-12-31T18:30:00.000Z","parameters":[2025,2025,"2025 2025 1 1",2,"Wednesday, December 31, 2025 11:59 PM"]}
//  America/New_York {"scheduledDateTime":"2024-01-01T05:00:00.000Z","parameters":[2024,2024,"2025 2025 1 1",1,"Tuesday, December 31, 2024 11:59 PM"]}
({imports: {moment}}) => ({scheduledDateTime: moment().startOf('year').toDate(), parameters: [moment().year(), new Date().getFullYear(), moment().format('gggg GGGG w W'), moment().add(1, 'd').dayOfYear(), moment().endOf('year').format('LLLL')]})

//! India before 1945
//  on  student
//  UTC              {"parameters":["1942-09-01T00:00:00.000Z",1900,"1940-01-02",84]}
//  Asia/Kolkata     {"parameters":["1942-08-31T18:30:00.000Z",1900,"1940-01-02",84]}
//  America/New_York {"parameters":["1942-09-01T04:00:00.000Z",1900,"1940-01-02",84]}
({imports: {moment}}) => ({parameters: [new Date(1942, 8, 1).toISOString(), new Date(1900, 0, 1).getFullYear(), moment('1940-01-01').add(1, 'day').format('YYYY-MM-DD'), moment('2024-05-01').diff('1939-08-15', 'years')]})

//! sort dates
//  on  student
//  all  {"parameters":["2024-03-30","2024-02-29","2024-01-31",null]}
({params}) => ({parameters: params.entity.encounters.map((e) => e.encounterDateTime).sort((a, b) => b - a).map((d) => d && d.toISOString().slice(0, 10))})
