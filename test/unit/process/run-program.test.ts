import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { systemClock } from '../../../src/lib/clock.js';
import { ConsolePipes } from '../../../src/process/console/console-pipes.js';
import { groupIsAlive } from '../../../src/process/containment/process-group.js';
import { runCommand } from '../../../src/process/run-command.js';
import { type ProgramOptions, runProgram } from '../../../src/process/run-program.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';
import { ManualClock } from '../../support/manual-clock.js';
import { until } from '../../support/until.js';

/** The tests run from dist/test/unit/process; the programs are not compiled. */
const fixtures = fileURLToPath(new URL('../../../../test/fixtures/commands', import.meta.url));

function run(file: string, args: string[], more: Partial<ProgramOptions> = {}) {
  return runProgram({
    file,
    args,
    cwd: tmpdir(),
    env: { PATH: process.env.PATH ?? '' },
    signal: new AbortController().signal,
    clock: systemClock,
    maxOutputBytes: 1000,
    ...more,
  });
}

describe('runProgram', () => {
  it('passes arguments unchanged, and returns stdout and stderr separately', async () => {
    const args = ['-c', 'printf %s "$1"; printf err >&2; exit 3', 'sh', '$(id) "*'];
    expect(await run('sh', args)).to.deep.equal({
      exitCode: 3,
      ended: 'exited',
      stdout: '$(id) "*',
      stderr: 'err',
    });
  });

  it('keeps the end of the output, in limited memory', async () => {
    const { stdout } = await run(join(fixtures, 'prints-a-lot.sh'), ['200000']);
    expect(stdout.length).to.be.lessThan(1010);
    expect(stdout.endsWith('200000\nthe end\n')).to.equal(true);
  });

  it('ends a program when its time is over', async () => {
    const clock = new ManualClock();
    const running = run('sleep', ['1000'], { clock, timeoutMs: 60_000 });
    await until(() => clock.sleeping > 0);
    clock.advance(60_000);
    let ended: string | undefined;
    running.then((result) => {
      ended = result.ended;
    });
    await until(() => {
      clock.advance(1);
      return ended !== undefined;
    });
    expect(ended).to.equal('timedOut');
  });

  it('ends a program that is canceled, and leaves no timer', async () => {
    const cancel = new AbortController();
    const clock = new ManualClock();
    const running = run('sleep', ['1000'], { clock, timeoutMs: 60_000, signal: cancel.signal });
    await until(() => clock.sleeping > 0);
    cancel.abort();
    let ended: string | undefined;
    running.then((result) => {
      ended = result.ended;
    });
    await until(() => {
      clock.advance(1);
      return ended !== undefined;
    });
    expect(ended).to.equal('canceled');
    expect(clock.sleeping).to.equal(0);
  });

  it('says that a program is not installed', async () => {
    try {
      await run('no-such-program-here', []);
      expect.fail('it started');
    } catch (error) {
      expect(error).to.be.instanceOf(ClusterRunnerError);
      expect(String(error)).to.include('not installed');
    }
  });
});

describe('a command that is hard to end', () => {
  let directory: string;
  let pipes: ConsolePipes;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'hard-'));
    pipes = new ConsolePipes(directory);
  });
  afterEach(() => {
    pipes.close();
    rmSync(directory, { recursive: true });
  });

  /** Starts `<fixture>`, cancels it once it has printed its first line, and gives its result and group. */
  async function cancelWhenReady(fixture: string) {
    const pipe = await pipes.acquire();
    let printed = '';
    pipe.begin((bytes) => {
      printed += bytes.toString();
    });
    const cancel = new AbortController();
    const running = runCommand({
      command: `echo $$ > group; exec ${fixture}`,
      cwd: directory,
      env: { PATH: `${fixtures}:${process.env.PATH}` },
      output: { kind: 'pipe', pipe },
      signal: cancel.signal,
      graceMs: 50,
      clock: systemClock,
    });
    await until(() => printed.includes('\n'));
    cancel.abort();
    const result = await running;
    pipes.release(pipe);
    return { ...result, group: Number(readFileSync(join(directory, 'group'), 'utf8')) };
  }

  it('is killed when it ignores TERM', async () => {
    const { ended, exitCode, group } = await cancelWhenReady('ignores-term.sh');
    expect({ ended, exitCode }).to.deep.equal({ ended: 'canceled', exitCode: 137 });
    expect(groupIsAlive(group)).to.equal(false);
  });

  it('takes its grandchildren with it', async () => {
    const { group } = await cancelWhenReady('waits-with-grandchild.sh');
    expect(groupIsAlive(group)).to.equal(false);
  });

  it('is ended with its code kept when only a grandchild stays', async () => {
    const { exitCode, ended } = await runCommand({
      command: 'echo $$ > group; exec leaves-grandchild.sh 5',
      cwd: directory,
      env: { PATH: `${fixtures}:${process.env.PATH}` },
      output: { kind: 'tail', maxBytes: 100, pipes },
      signal: new AbortController().signal,
      graceMs: 50,
      clock: systemClock,
    });
    expect({ exitCode, ended }).to.deep.equal({ exitCode: 5, ended: 'exited' });
    expect(groupIsAlive(Number(readFileSync(join(directory, 'group'), 'utf8')))).to.equal(false);
  });

  it('does not hold up its end with a pipe that a process outside the group keeps open', async () => {
    const { stdout } = await runProgram({
      file: 'escapes-the-group.sh',
      args: ['1000'],
      cwd: directory,
      env: { PATH: `${fixtures}:${process.env.PATH}` },
      signal: new AbortController().signal,
      clock: systemClock,
      maxOutputBytes: 100,
    });
    const escaped = Number(stdout);
    expect(escaped).to.be.greaterThan(1);
    process.kill(escaped, 'SIGKILL');
  });
});
