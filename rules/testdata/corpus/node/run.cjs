// Runs every rule of the corpus in Node.js, each time zone in a process of its own, and
// compares the answers with those that the corpus expects (see main.go).
//
//   node run.cjs <corpus folder> <library.cjs> [-write]

const fs = require('fs');
const path = require('path');
const { execFileSync } = require('child_process');

const ZONES = ['UTC', 'Asia/Kolkata', 'America/New_York'];
const [folder, library, option] = process.argv.slice(2);

// parse reads the cases of a file: a line `//! name`, lines `//  key value`, the rule.
const parse = (file) => fs.readFileSync(path.join(folder, file), 'utf8').split(/^\/\/! /m).slice(1).map((text) => {
  const lines = text.split('\n');
  const test = { file, name: lines.shift().trim(), head: {} };
  for (let at; (at = /^\/\/ {2}(\S+) +(.*)$/.exec(lines[0])); lines.shift()) test.head[at[1]] = at[2];
  return Object.assign(test, { rule: lines.join('\n') });
});

const readAll = () => fs.readdirSync(folder).filter((name) => name.endsWith('.js')).sort().flatMap(parse);

const ask = (zone) => JSON.parse(execFileSync(process.execPath, [__filename, folder, library, '-answer'], {
  env: Object.assign({}, process.env, { TZ: zone }), maxBuffer: 1 << 28,
}));

const expected = (test, zone) => test.head[zone] || test.head.all;

// write puts answers into the cases without any: one line if the zones agree.
const write = (tests, answers) => {
  const wanted = new Map(tests.map((test, i) => [`${test.file} ${test.name}`, ZONES.map((zone) => answers[zone][i])]));
  [...new Set(tests.map((test) => test.file))].forEach((file) => {
    const lines = fs.readFileSync(path.join(folder, file), 'utf8').split('\n');
    let name = '';
    const out = [];
    lines.forEach((line, i) => {
      out.push(line);
      if (line.startsWith('//! ')) name = line.slice(4).trim();
      const isLast = /^\/\/( {2}|! )/.test(line) && !(lines[i + 1] || '').startsWith('//  ');
      const test = tests.find((one) => one.file === file && one.name === name);
      if (!isLast || !test || expected(test, ZONES[0])) return;
      const given = wanted.get(`${file} ${name}`);
      if (new Set(given).size === 1) out.push(`//  all  ${given[0]}`);
      else ZONES.forEach((zone, z) => out.push(`//  ${zone.padEnd(16)} ${given[z]}`));
    });
    fs.writeFileSync(path.join(folder, file), out.join('\n'));
  });
};

// compare counts the cases in which Node.js answers otherwise, but for those that say why.
const compare = (tests, answers) => {
  let wrong = 0;
  tests.forEach((test, i) => {
    const differs = ZONES.filter((zone) => answers[zone][i] !== expected(test, zone));
    if (Boolean(test.head.node) === differs.length > 0) return;
    wrong += 1;
    if (!differs.length) console.log(`${test.file}: ${test.name}: Node.js answers as expected; remove its line "node"`);
    differs.forEach((zone) => console.log(`${test.file}: ${test.name} (${zone})\n  expected ${expected(test, zone)}\n  Node.js  ${answers[zone][i]}`));
  });
  return wrong;
};

const main = () => {
  const tests = readAll();
  const answers = Object.fromEntries(ZONES.map((zone) => [zone, ask(zone)]));
  if (option === '-write') {
    write(tests, answers);
    return;
  }
  const wrong = compare(tests, answers);
  console.log(`${tests.length} rules in ${ZONES.length} zones, Node.js ${process.version}: ${wrong || 'none'} differ`);
  process.exitCode = wrong ? 1 : 0;
};

if (option === '-answer') require('./answer.cjs')(folder, library, readAll());
else main();
