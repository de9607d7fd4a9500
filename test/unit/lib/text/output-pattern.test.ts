import { expect } from 'chai';
import fc from 'fast-check';
import { outputPattern } from '../../../../src/lib/text/output-pattern.js';

const same = (a: string, b: string, own: [string, string] = ['', '']) =>
  expect(outputPattern(a.split('\n'), own[0])).to.equal(outputPattern(b.split('\n'), own[1]));
const different = (a: string, b: string) =>
  expect(outputPattern(a.split('\n'))).to.not.equal(outputPattern(b.split('\n')));

const word = fc.stringMatching(/^[a-z]{3,8}$/).filter((one) => !one.startsWith('tmp'));
const words = fc.array(word, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(' '));

describe('the pattern of an output', () => {
  it('is the same for the same failure at other times and places', () => {
    const failure = (n: number, folder: string, time: string, id: string) =>
      [
        `${time} ERROR request ${n} of worker-${n} failed after ${n}.${n} ms: connect ECONNREFUSED 10.0.0.${n}:54${n}2`,
        `    at TCPConnectWrap.afterConnect [as oncomplete] (${folder}/net.js:${n}:${n})`,
        `    at ${folder}/test/login.test.js:${n}:5`,
        `    object at 0x7f${id}, commit ${id}${n}, session 123e4567-e89b-12d3-a456-42661417${1000 + n}`,
        `see https://ci.example.com/job/${n}?x=${id} and ${folder}/tmp.Xy${n}Zw${n}q`,
        `${'='.repeat(20 + n)} ${n} failed, ${n} passed in ${n}.0${n}s ${'='.repeat(20 + n)}`,
      ].join('\n');
    same(
      failure(3, '/home/ada/project', '2024-05-01T12:00:03.123Z', 'a1b2c3d4'),
      failure(17, '/srv/ci/workspace 9'.replace(' ', '_'), '2025-11-30 01:59:17,5', 'ffee00d1'),
    );
  });

  it('has placeholders for the parts that it leaves out', () => {
    const pattern = (line: string) => outputPattern([line]);
    expect(pattern('took 1m 23.5s, 12 ms')).to.equal('took <time>, <time>');
    expect(pattern('  File "/usr/lib/python3.11/unittest/case.py", line 59, in testPartExecutor')).to.equal(
      'File "<path>", line #, in testPartExecutor',
    );
    expect(pattern('C:\\build\\a.cpp(12): error C2065')).to.equal('<path>(#): error C#');
    expect(pattern('at login.spec.ts:12:3')).to.equal('at <path>');
    expect(pattern('expected -1 to equal [1, 2, 3]')).to.equal('expected # to equal [#]');
    expect(pattern('\u001b[31mFAIL\u001b[0m  at deadbeef1')).to.equal('FAIL at <hex>');
    expect(pattern('10 %\r55 %\rdone\r')).to.equal('done');
    expect(pattern('make: *** [Makefile:7: all] Error 2')).to.equal('make: *** [Makefile:#: all] Error #');
  });

  it('differs where the words of the failure differ', () => {
    different('AssertionError: expected true to be false', 'AssertionError: expected null to be false');
    different('TypeError: x is not a function', 'TypeError: y is not a function');
    different('Segmentation fault', 'Aborted');
    fc.assert(
      fc.property(words, words, (a, b) => {
        fc.pre(a !== b);
        different(a, b);
      }),
    );
  });

  it('leaves out the name of the test, unless it is too short to be found', () => {
    same('FAIL login page', 'FAIL logout page', ['login', 'logout']);
    expect(outputPattern(['FAIL login logins'], 'login')).to.equal('FAIL <name> logins');
    expect(outputPattern(['FAIL a a'], 'a')).to.equal('FAIL a a');
  });

  it('has the last four lines with a text, and repeated ones once', () => {
    const lines = ['lost', 'one', '', 'two', '\u001b[0m', 'try 1', 'try 2', 'four', '   ', ''];
    expect(outputPattern(lines)).to.equal('one\ntwo\ntry #\nfour');
    expect(outputPattern(['', ' \r', '\u001b[K'])).to.equal('');
    expect(outputPattern([])).to.equal('');
  });

  it('has no frames of stacks, unless there is nothing else', () => {
    const frames = [
      '    at Object.run (/srv/a.js:1:2)',
      '    at /srv/b.js:3:4',
      '    at async file:///srv/c.js:5:6',
      '    at com.shop.Cart.add(Cart.java:12)',
      '  File "/usr/lib/python3/x.py", line 3, in run',
      "        from /usr/lib/ruby/x.rb:7:in `run'",
    ];
    expect(outputPattern(['AssertionError: true', ...frames])).to.equal('AssertionError: true');
    expect(outputPattern(frames.slice(0, 1))).to.equal('at Object.run (<path>)');
    expect(outputPattern(['at the end'])).to.equal('at the end');
  });

  it('has no names of test cases where test runners write them', () => {
    for (const [one, other] of [
      ['FAIL  src/a.test.ts > cart > adds', 'FAIL  src/b.test.ts > order > pays twice'],
      ['FAILED tests/a.py::test_x - KeyError', 'FAILED tests/b.py::TestB::test_y[2] - KeyError'],
      ['  ● cart › adds', '  ● order › pays'],
      ['--- FAIL: TestAdd (0.01s)', '--- FAIL: TestPay (2.50s)'],
      ['not ok 3 - adds', 'not ok 17 - pays'],
      ['  1) cart adds', '  2) order pays'],
      ['rspec ./spec/a_spec.rb:12 # adds', 'rspec ./spec/b_spec.rb:7 # pays'],
    ] as const) {
      same(one, other);
      expect(outputPattern([one]), one).not.to.equal('');
    }
    different('FAILED a.py::test_x - KeyError', 'FAILED a.py::test_x - ValueError');
  });

  it('consists of the reason that ClusterRunner gives, if it gives one at the end', () => {
    same(
      'waiting for a\nclusterrunner: the atom was ended after 60 s (atom_timeout).',
      'waiting for b\nclusterrunner: the atom was ended after 90 s (atom_timeout).',
    );
    different('clusterrunner: begins\na', 'clusterrunner: begins\nb');
  });

  it('does not change when numbers, colors, times and folders change', () => {
    const number = fc.integer({ min: -1_000_000, max: 1_000_000 });
    const folder = fc.array(word, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
    const color = fc.constantFrom('', '\u001b[31m', '\u001b[1;32m', '\u001b[0m', '\u001b[38;5;9m');
    const lineOf = (text: string, n: number, path: string, style: string) =>
      `${style}${text} ${n} (${path}/a.py:${Math.abs(n)})\u001b[0m ${text}`;
    fc.assert(
      fc.property(words, number, number, folder, folder, color, color, (text, n, m, a, b, x, y) => {
        same(lineOf(text, n, a, x), lineOf(text, m, b, y));
      }),
    );
  });

  it('is short and has no digits and control characters, whatever is printed', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc
        .array(
          fc.constantFrom(
            '/a/b',
            '12',
            ' ',
            '-',
            '1.5s',
            ':',
            'tmp.',
            '0x1f',
            'e5',
            '=',
            'x.js',
            '\r',
            '\u001b[',
          ),
          {
            maxLength: 30,
          },
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 8 }), fc.string({ maxLength: 4 }), (lines, own) => {
        const pattern = outputPattern(lines, own);
        expect(pattern.split('\n').length).to.be.at.most(4);
        expect(pattern).to.match(/^[^\d\p{Cc}]*(\n[^\d\p{Cc}]+)*$/u);
      }),
      { numRuns: 100 },
    );
  });

  it('takes linear time for lines that look like the beginning of something', () => {
    for (const part of [
      'a',
      '/',
      'a/',
      '1',
      '1.',
      'a.',
      '0x',
      'tmp',
      '-',
      '<time>',
      'a:',
      '\\',
      '=',
      ' ',
      'f0',
      '12:',
    ]) {
      const line = part.repeat(200_000);
      expect(outputPattern([line, line]).length, part).to.be.at.most(2100);
    }
  });
});
