import { writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { attributesOf, textOf } from './xml.mjs';

// Tests may replace the clock.
const { now } = Date;
const RealDate = Date;

/** Writes a JUnit report of the next run of mocha, beside what its reporter prints. */
export function reportTo(file, Runner) {
  const { run } = Runner.prototype;
  Runner.prototype.run = function (...args) {
    Runner.prototype.run = run;
    const cases = new Map();
    const since = now();
    this.on('pass', (test) => cases.set(test, { kind: 'passed' }));
    this.on('pending', (test) => cases.set(test, { kind: 'skipped' }));
    // A test whose `done` is called twice passes and fails.
    this.on('fail', (test, error) => cases.set(test, { kind: 'failure', error }));
    this.once('end', () => writeFileSync(file, reportOf(cases, since, now() - since)));
    return run.apply(this, args);
  };
}

function reportOf(cases, since, ms) {
  const count = (kind) => [...cases.values()].filter((one) => one.kind === kind).length;
  const suite = {
    name: 'mocha',
    tests: cases.size,
    failures: count('failure'),
    errors: 0,
    skipped: count('skipped'),
    timestamp: new RealDate(since).toISOString(),
    time: seconds(ms),
  };
  const lines = [...cases].map(([test, { kind, error }]) => {
    const attributes = {
      classname: test.parent?.fullTitle() ?? '',
      name: test.title,
      time: seconds(test.duration ?? 0),
    };
    return `    <testcase${attributesOf(attributes)}${contentOf(kind, error)}`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite${attributesOf(suite)}>
${lines.map((line) => `${line}\n`).join('')}  </testsuite>
</testsuites>
`;
}

function contentOf(kind, error) {
  if (kind === 'passed') {
    return '/>';
  }
  if (kind === 'skipped') {
    return '><skipped/></testcase>';
  }
  const message = typeof error?.message === 'string' ? error.message : inspect(error);
  const type = typeof error?.name === 'string' ? error.name : 'Error';
  const details = typeof error?.stack === 'string' ? error.stack : message;
  return `><failure${attributesOf({ message, type })}>${textOf(details)}</failure></testcase>`;
}

function seconds(ms) {
  return (ms / 1000).toFixed(3);
}
