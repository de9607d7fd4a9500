import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ConsolePipe } from '../../../../src/process/console/console-pipe.js';
import { ConsolePipes } from '../../../../src/process/console/console-pipes.js';
import { until } from '../../../support/until.js';

describe('ConsolePipes', () => {
  let directory: string;
  let pipes: ConsolePipes;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pipes-'));
    pipes = new ConsolePipes(directory);
  });
  afterEach(() => {
    pipes.close();
    rmSync(directory, { recursive: true });
  });

  /** Runs shell text with the pipe as stdout and stderr, and gives what was handed on until the shell has ended. */
  async function printedBy(pipe: ConsolePipe, command: string): Promise<{ text: string; isOver: boolean }> {
    const printed: Buffer[] = [];
    pipe.begin((bytes) => printed.push(Buffer.from(bytes)));
    const shell = spawn('bash', ['-c', `exec >${pipe.path} 2>&1; ${command}`], { stdio: 'ignore' });
    await new Promise((resolve) => shell.once('exit', resolve));
    const isOver = pipe.finish();
    return { text: Buffer.concat(printed).toString(), isOver };
  }

  it('passes all output on in order, also when a command opens its outputs by name', async () => {
    const pipe = await pipes.acquire();
    const command =
      'echo 1; echo 2 >/dev/stderr; echo 3 >/dev/stdout; echo 4 | tee /dev/stderr >/dev/null; echo 5 >>/proc/self/fd/1; : >/dev/stderr; echo 6 >&2';
    expect(await printedBy(pipe, command)).to.deep.equal({ text: '1\n2\n3\n4\n5\n6\n', isOver: true });
  });

  it('passes on large outputs, also of several processes at once', async () => {
    const pipe = await pipes.acquire();
    const { text } = await printedBy(pipe, 'seq 300000 & seq 300000 >/dev/stderr & wait; echo end');
    const numbers = Array.from({ length: 300_000 }, (_, n) => `${n + 1}`);
    expect(text.length).to.equal(2 * `${numbers.join('\n')}\n`.length + 4);
    expect(text.endsWith('\nend\n')).to.equal(true);
  });

  it('reuses a pipe for the next command', async () => {
    const pipe = await pipes.acquire();
    for (let number = 0; number < 3; number += 1) {
      const { text, isOver } = await printedBy(pipe, `echo ${number}; sleep 0.0${number}; echo end`);
      expect({ text, isOver }).to.deep.equal({ text: `${number}\nend\n`, isOver: true });
    }
    pipes.release(pipe);
    expect(await pipes.acquire()).to.equal(pipe);
  });

  it('does not reuse a pipe while a process that outlived its command holds it, which can go on printing', async () => {
    const pipe = await pipes.acquire();
    const done = join(directory, 'done');
    const go = join(directory, 'go');
    const { text, isOver } = await printedBy(
      pipe,
      `echo before; (until test -e ${go}; do sleep 0.01; done; seq 100000; touch ${done}) & :`,
    );
    expect({ text, isOver }).to.deep.equal({ text: 'before\n', isOver: false });
    pipes.release(pipe);
    const other = await pipes.acquire();
    expect(other).not.to.equal(pipe);
    spawn('touch', [go]);
    await until(() => readdirSync(directory).includes('done'));
    expect(await printedBy(other, 'echo other')).to.deep.equal({ text: 'other\n', isOver: true });
  });

  it('gives commands pipes without a name, which cannot be removed or replaced', async function () {
    if (process.platform !== 'linux') {
      // Only Linux lets processes open what has no name.
      this.skip();
    }
    const pipe = await pipes.acquire();
    expect(readdirSync(directory)).to.deep.equal([]);
    const { text } = await printedBy(
      pipe,
      'echo 1; rm -f "$(readlink /proc/self/fd/1)"; echo 2 >/dev/stderr',
    );
    expect(text).to.match(/^1\n(rm: .*\n)?2\n$/);
  });

  it('gives commands pipes that other processes cannot read', async function () {
    if (process.getuid?.() === 0) {
      // Root may read everything.
      this.skip();
    }
    const pipe = await pipes.acquire();
    const { text } = await printedBy(pipe, 'echo 1; cat /dev/stdout');
    expect(text).to.match(/^1\n.*Permission denied\n$/);
  });
});
