import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../src/lib/clock.js';
import { findPackageJSON } from '../../../src/lib/package-json.js';
import { ConsolePipes } from '../../../src/process/console/console-pipes.js';
import { containment } from '../../../src/process/containment/containment.js';
import { processEntry } from '../../../src/process/containment/process-table.js';
import { runCommand, runStartingServices } from '../../../src/process/run-command.js';
import { SeriesShell } from '../../../src/process/series/series-shell.js';
import { findProgram } from '../../../src/process/shell.js';
import { eventually } from '../../support/wait.js';

const fixtures = join(dirname(findPackageJSON(import.meta.url)), 'test/fixtures/commands');

/** Each starts `$SLEEPER FILE`, which writes its number into the file and sleeps, out of reach of something. */
const WAYS = {
  background: '$SLEEPER background &',
  nohup: 'nohup $SLEEPER nohup >/dev/null 2>&1 &',
  disowned: '$SLEEPER disowned & disown',
  coprocess: 'coproc $SLEEPER coprocess',
  'own-group': 'timeout 1000 $SLEEPER own-group &',
  'own-session': 'setsid $SLEEPER own-session &',
  orphan: '(setsid $SLEEPER orphan &)',
  daemon: 'at=$PWD; (setsid sh -c "(cd / && exec env -i $SLEEPER $at/daemon) >/dev/null 2>&1 </dev/null &")',
  stopped: '(setsid $SLEEPER stopped &); until test -s stopped; do sleep 0.01; done; kill -STOP $(< stopped)',
};
const NAMES = Object.keys(WAYS);
const ALL = `${Object.values(WAYS).join('\n')}
for name in ${NAMES.join(' ')}; do until test -s $name; do sleep 0.01; done; done`;

import { seriesItems } from '../../support/series-items.js';

describe('a process that gets away from the command that started it', () => {
  let directory: string;
  let env: Record<string, string>;
  let pipes: ConsolePipes;
  before(async function () {
    if ((await containment()).kind !== 'subreaper') {
      console.log('        skipped: there is no Linux with perl or python3');
      this.skip();
    }
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'escapes-'));
    pipes = new ConsolePipes(directory);
    env = { PATH: process.env.PATH ?? '', SLEEPER: join(fixtures, 'sleeps.sh') };
  });
  afterEach(() => {
    pipes.close();
    rmSync(directory, { recursive: true });
  });

  /** Those that live, by how they got away. */
  const living = (folder = directory) =>
    NAMES.filter((name) => {
      const file = join(folder, name);
      const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
      return pid > 0 && processEntry(pid) !== null;
    });
  const begun = (folder = directory) =>
    eventually(
      'all had begun',
      () => living(folder).length === NAMES.length,
      () => living(folder),
    );
  const command = (text = ALL) => ({
    command: text,
    cwd: directory,
    env,
    output: { kind: 'tail', maxBytes: 1000, pipes } as const,
    signal: new AbortController().signal,
    graceMs: 500,
    clock: systemClock,
  });

  async function runAtom(text: string, more: { limitSeconds?: number; signal?: AbortSignal } = {}) {
    const shell = new SeriesShell({ command: text, cwd: directory, env, pipes, clock: systemClock });
    try {
      return await shell.run({
        executor: 0,
        items: seriesItems(directory, {}),
        list: join(directory, 'list'),
        signal: more.signal ?? new AbortController().signal,
        limitSeconds: more.limitSeconds ?? null,
        graceMs: 500,
        limitGraceMs: 500,
        onBegin: () => undefined,
        onOutput: () => undefined,
        onEnd: () => undefined,
      });
    } finally {
      shell.end();
    }
  }

  it('ends with the command', async () => {
    const { exitCode, tail } = await runCommand(command());
    expect({ exitCode, tail }).to.deep.equal({ exitCode: 0, tail: '' });
    expect(living()).to.deep.equal([]);
  });

  it('ends with its atom', async () => {
    expect(await runAtom(ALL)).to.equal('completed');
    expect(living()).to.deep.equal([]);
  });

  it('ends with its atom when that takes too long', async () => {
    expect(await runAtom(`${ALL}\nsleep 1000`, { limitSeconds: 2 })).to.equal('completed');
    expect(living()).to.deep.equal([]);
  });

  it('ends when its atom is canceled', async () => {
    const cancel = new AbortController();
    const running = runAtom(`${ALL}\nsleep 1000`, { signal: cancel.signal });
    await begun();
    cancel.abort();
    expect(await running).to.equal('canceled');
    expect(living()).to.deep.equal([]);
  });

  it('ends when its atom has killed the shell that ran it', async () => {
    expect(await runAtom(`${ALL}\nkill -9 $PPID; sleep 1000`)).to.equal('completed');
    expect(living()).to.deep.equal([]);
  });

  it('is a service when a setup has left it: its output is read, and it ends on request', async () => {
    const talks = `${ALL}\nsetsid sh -c 'until test -e go; do sleep 0.01; done; seq 100000; touch said; sleep 1000' &`;
    const { result, leftovers } = await runStartingServices(command(talks));
    expect(result.exitCode).to.equal(0);
    expect(living()).to.deep.equal(NAMES);
    await runCommand(command('touch go; until test -e said; do sleep 0.01; done'));
    expect(await leftovers?.end(500)).to.deep.equal([]);
    expect(leftovers?.tail()).to.match(/\n100000\n$/);
    expect(living()).to.deep.equal([]);
  });

  for (const language of ['perl', 'python3'] as const) {
    it(`ends when the process that ran the command is killed with SIGKILL (${language})`, async function () {
      const bin = join(directory, 'bin');
      mkdirSync(bin);
      for (const name of [
        'bash',
        'sh',
        'mkfifo',
        'sleep',
        'setsid',
        'timeout',
        'nohup',
        'env',
        'seq',
        language,
      ]) {
        const program = await findProgram(name, `/usr/bin:/bin:${process.env.PATH}`, []);
        if (program === null) {
          console.log(`        skipped: ${name} is not installed`);
          return this.skip();
        }
        symlinkSync(program, join(bin, name));
      }
      const work = join(directory, 'work');
      mkdirSync(work);
      const fixture = join(fixtures, 'run-series-until-killed.mjs');
      const runner = spawn(process.execPath, [fixture, `${ALL}\nsleep 1000`, work], {
        stdio: 'ignore',
        env: { ...env, PATH: bin },
      });
      await begun(work);
      runner.kill('SIGKILL');
      await once(runner, 'exit');
      await eventually(
        'none lived',
        () => living(work).length === 0,
        () => living(work),
      );
    });
  }
});
