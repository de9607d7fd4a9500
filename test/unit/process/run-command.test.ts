import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../src/lib/clock.js';
import { ConsolePipes } from '../../../src/process/console/console-pipes.js';
import { groupIsAlive } from '../../../src/process/containment/process-group.js';
import { type CommandOptions, runCommand } from '../../../src/process/run-command.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';
import { until } from '../../support/until.js';

describe('runCommand', () => {
  let directory: string;
  let pipes: ConsolePipes;
  let printed: Buffer[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'run-'));
    pipes = new ConsolePipes(directory);
    printed = [];
  });
  afterEach(() => {
    pipes.close();
    rmSync(directory, { recursive: true });
  });

  async function run(command: string, more: Partial<CommandOptions> = {}) {
    const pipe = await pipes.acquire();
    pipe.begin((bytes) => printed.push(Buffer.from(bytes)));
    return runCommand({
      command,
      cwd: directory,
      env: { PATH: process.env.PATH ?? '' },
      output: { kind: 'pipe', pipe },
      signal: new AbortController().signal,
      graceMs: 5_000,
      clock: systemClock,
      ...more,
    }).finally(() => pipes.release(pipe));
  }

  /** The process group that a command wrote into the file `pid`. */
  async function startedGroup(): Promise<number> {
    const file = join(directory, 'pid');
    await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
    return Number(readFileSync(file, 'utf8'));
  }

  it('passes on stdout and stderr in the order in which they were written', async () => {
    const { exitCode, ended } = await run('echo a; echo b >&2; echo c; exit 7');
    expect({ exitCode, ended }).to.deep.equal({ exitCode: 7, ended: 'exited' });
    expect(Buffer.concat(printed).toString()).to.equal('a\nb\nc\n');
  });

  it('fails when a command in the middle of a pipe fails', async () => {
    expect((await run('false | true')).exitCode).to.equal(1);
  });

  it('gives the command exactly the given environment', async () => {
    await run('env', { env: { PATH: process.env.PATH ?? '', TOKEN: "it's $HOME\n`x`" } });
    const text = Buffer.concat(printed).toString();
    expect(text).to.include("TOKEN=it's $HOME\n`x`\n");
    expect(text).not.to.match(/^HOME=/m);
  });

  it('gives the command an empty stdin', async () => {
    expect((await run('cat; test -z "$(cat)"')).exitCode).to.equal(0);
  });

  it('reports death by a signal like a shell, as 128 + its number', async () => {
    expect((await run('kill -9 $$')).exitCode).to.equal(137);
  });

  it('ends background processes that the command has left', async () => {
    await run('echo $$ > pid; sleep 1000 & (trap "" TERM; sleep 1001) & exit 0', { graceMs: 100 });
    expect(groupIsAlive(await startedGroup())).to.equal(false);
  });

  it('does not wait for a pipe that a background process holds open', async () => {
    const { tail } = await run('sleep 1000 & echo done', { output: { kind: 'tail', maxBytes: 100, pipes } });
    expect(tail).to.equal('done\n');
  });

  it('ends all processes of a command that is canceled, also those that ignore TERM', async () => {
    const cancel = new AbortController();
    const running = run('trap "" TERM; echo $$ > pid; sleep 1000 & sleep 1000', {
      signal: cancel.signal,
      graceMs: 100,
    });
    const group = await startedGroup();
    cancel.abort();
    expect((await running).ended).to.equal('canceled');
    expect(groupIsAlive(group)).to.equal(false);
  });

  it('reports a command as canceled also when it exits with 0 after TERM', async () => {
    const cancel = new AbortController();
    const running = run('trap "exit 0" TERM; echo $$ > pid; while :; do sleep 0.01; done', {
      signal: cancel.signal,
    });
    await startedGroup();
    cancel.abort();
    const { ended, exitCode } = await running;
    expect({ ended, exitCode }).to.deep.equal({ ended: 'canceled', exitCode: 0 });
  });

  it('starts nothing when it is canceled before', async () => {
    const { ended } = await run('touch started', { signal: AbortSignal.abort() });
    expect(ended).to.equal('canceled');
    expect(existsSync(join(directory, 'started'))).to.equal(false);
  });

  it('keeps only the end of the output', async () => {
    const { tail } = await run('for i in 1 2 3 4 5 6 7 8 9; do echo line $i; done; echo oops >&2', {
      output: { kind: 'tail', maxBytes: 12, pipes },
    });
    expect(tail).to.equal('…line 9\noops\n'.slice(0, 1) + 'line 9\noops\n'.slice(-12));
  });

  it('writes stdout to a file when one is given', async () => {
    const stdoutFile = join(directory, 'stdout');
    const { tail } = await run('echo out; echo err >&2', {
      output: { kind: 'tail', maxBytes: 100, stdoutFile, pipes },
    });
    expect(tail).to.equal('err\n');
    expect(readFileSync(stdoutFile, 'utf8')).to.equal('out\n');
  });

  it('says that the folder is missing', async () => {
    try {
      await run('true', { cwd: join(directory, 'gone') });
      expect.fail('it started');
    } catch (error) {
      expect(error).to.be.instanceOf(ClusterRunnerError);
      expect(String(error)).to.include(join(directory, 'gone'));
    }
  });
});
