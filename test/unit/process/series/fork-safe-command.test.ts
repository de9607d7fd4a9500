import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { shellText } from '../../../../src/job/shell-text.js';
import { systemClock } from '../../../../src/lib/clock.js';
import { ConsolePipes } from '../../../../src/process/console/console-pipes.js';
import { isForkSafeCommand } from '../../../../src/process/series/fork-safe-command.js';
import { SeriesShell } from '../../../../src/process/series/series-shell.js';

const plain = [
  ':',
  'cd "$PROJECT_DIR" &&\nnpx mocha "$TEST_FILE"',
  'go test ./... -run $TEST -count=1',
  'echo "100% of it; (all) & more | $A" \'$$ and `this`\'',
  '$PROJECT_DIR/run.sh --only="$TEST" a=b x:y ~/z',
  '"$PROJECT_DIR"/bin/test',
  '"$PROJECT_DIR/bin/test" -v',
  './gradlew test --tests $T',
  '/usr/bin/env python3 -m pytest "$T"',
];

const notPlain = [
  'echo $$',
  'echo $PPID',
  'echo "$BASHPID"',
  'echo $- $?',
  'echo $1',
  `echo ${'{X}'}`,
  'echo $(date)',
  'echo `date`',
  'X=1 make',
  'export X=1',
  'source env.sh',
  '. ./env.sh',
  'eval "$X"',
  'kill -9 0',
  'exit 3',
  'return',
  'trap x EXIT',
  'set',
  'a | b',
  'a; b',
  'a & b',
  'a > b',
  'a || b',
  '{ a; }',
  'if a',
  'echo {a,b}',
  'echo a\\ b',
  'echo "a',
  "echo 'a && b",
  '$X',
  '$X y',
  '[ a = b ]',
  'test ! a',
  'jobs',
  'test -o pipefail',
  'test -v X',
  'printf "%(%s)T" -2',
  '',
  ' &&\n',
];

import { seriesItems } from '../../../support/series-items.js';

describe('isForkSafeCommand', () => {
  let directory: string;
  let pipes: ConsolePipes;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'plain-'));
    pipes = new ConsolePipes(directory);
  });
  after(() => {
    pipes.close();
    rmSync(directory, { recursive: true });
  });

  for (const command of plain) {
    it(`accepts ${JSON.stringify(command)}`, () => expect(isForkSafeCommand(command)).to.equal(true));
  }
  for (const command of notPlain) {
    it(`refuses ${JSON.stringify(command)}`, () => expect(isForkSafeCommand(command)).to.equal(false));
  }

  it('refuses all builtins of this bash except those that behave the same in a fork', () => {
    const builtins = execFileSync('bash', ['-c', 'compgen -bk'], { encoding: 'utf8' }).trim().split('\n');
    const taken = builtins.filter((name) => isForkSafeCommand(`${name} x`));
    expect(taken.sort()).to.deep.equal([':', 'cd', 'echo', 'false', 'printf', 'pwd', 'test', 'true']);
  });

  it('decides in linear time, whatever the text', () => {
    const text = `echo ${'$ab$cd"$ef"'.repeat(200)}`;
    expect(isForkSafeCommand(text)).to.equal(true);
    expect(isForkSafeCommand(`${text} \\`)).to.equal(false);
  });

  it('accepts only commands that print and return the same in a fork as in a new bash', async () => {
    mkdirSync(join(directory, 'folder'));
    const env = { PATH: process.env.PATH ?? '', A: 'a b', B: '*\'"$A`', EMPTY: '' };
    const word = fc.constantFrom(
      '$A',
      '"$B"',
      '$EMPTY',
      "'$A \"x'",
      '*',
      'x=$A',
      'f*',
      '~',
      '"a; $A | (b)"',
      'nothing-$UNSET-',
      '-n',
      'plain',
      '"$A"\'$B\'"c"',
    );
    const program = fc.constantFrom(
      'echo',
      'printf %s,',
      'cd',
      'cd folder',
      'pwd',
      'env printf %s/',
      'true',
      'false',
      'no-such-program',
      './no-such-file',
      'test',
      ':',
    );
    const line = fc
      .tuple(program, fc.array(word, { maxLength: 3 }))
      .map(([first, words]) => [first, ...words].join(' '));
    const text = fc.array(line, { minLength: 1, maxLength: 3 }).map((lines) => shellText(lines));
    await fc.assert(
      fc.asyncProperty(text, async (command) => {
        fc.pre(isForkSafeCommand(command));
        const console: Buffer[] = [];
        writeFileSync(join(directory, 'other'), '');
        const shell = new SeriesShell({ command, cwd: join(directory), env, pipes, clock: systemClock });
        const codes: number[] = [];
        await shell.run({
          executor: 0,
          items: seriesItems(directory, {}),
          list: join(directory, 'folder', 'list'),
          signal: new AbortController().signal,
          limitSeconds: null,
          graceMs: 100,
          limitGraceMs: 100,
          onBegin: () => undefined,
          onOutput: (_index, bytes) => console.push(Buffer.from(bytes)),
          onEnd: (_index, { exitCode }) => codes.push(exitCode),
        });
        shell.end();
        const forked = Buffer.concat(console).toString();
        const other = openSync(join(directory, 'other'), 'w+');
        const own = spawnSync('bash', ['-o', 'pipefail', '-c', command], {
          cwd: directory,
          env,
          stdio: ['ignore', other, other],
        });
        closeSync(other);
        expect(forked).to.equal(readFileSync(join(directory, 'other'), 'utf8'));
        expect(codes).to.deep.equal([own.status]);
      }),
      { numRuns: 25 },
    );
  });
});
