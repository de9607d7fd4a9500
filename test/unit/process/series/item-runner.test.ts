import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { systemClock } from '../../../../src/lib/clock.js';
import type { ConsolePipe } from '../../../../src/process/console/console-pipe.js';
import { ConsolePipes } from '../../../../src/process/console/console-pipes.js';
import { groupIsAlive } from '../../../../src/process/containment/process-group.js';
import { processEntry } from '../../../../src/process/containment/process-table.js';
import type { ItemRunner, ItemRunnerOptions, Series } from '../../../../src/process/series/item-runner.js';
import { SeriesShell } from '../../../../src/process/series/series-shell.js';
import { ShellPerItem } from '../../../../src/process/series/shell-per-item.js';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { seriesItems } from '../../../support/series-items.js';
import { until } from '../../../support/until.js';

const implementations: Record<string, (options: ItemRunnerOptions) => ItemRunner> = {
  SeriesShell: (options) => new SeriesShell(options),
  ShellPerItem: (options) => new ShellPerItem(options),
};

for (const [name, create] of Object.entries(implementations)) {
  describe(`${name}, as an ItemRunner,`, () => {
    let directory: string;
    let pipes: ConsolePipes;
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), "series-it's "));
      pipes = new ConsolePipes(directory);
    });

    const consoleOf = (index: number) => join(directory, `console ${index}`);
    const textOf = (index: number) => readFileSync(consoleOf(index), 'utf8');

    const runners = new Map<string, ItemRunner>();
    afterEach(() => {
      for (const runner of runners.values()) {
        runner.end();
      }
      runners.clear();
      pipes.close();
      rmSync(directory, { recursive: true });
    });

    /** The same one for the same command. */
    function runnerOf(command: string, env = { PATH: process.env.PATH ?? '' }): ItemRunner {
      const runner =
        runners.get(command) ?? create({ command, cwd: directory, env, pipes, clock: systemClock });
      runners.set(command, runner);
      return runner;
    }

    async function run(
      command: string,
      values: readonly string[],
      more: Partial<Series> = {},
      runner = runnerOf(command),
    ): Promise<{ outcome: string; events: string[]; seconds: number[]; notes: (string | null)[] }> {
      const events: string[] = [];
      const notes: (string | null)[] = [];
      const seconds: number[] = [];
      const outcome = await runner.run({
        executor: 0,
        items: seriesItems(directory, ...values.map((VALUE) => ({ VALUE }))),
        list: join(directory, 'list'),
        signal: new AbortController().signal,
        limitSeconds: null,
        graceMs: 5_000,
        limitGraceMs: 5_000,
        onBegin: (index) => {
          events.push(`begin ${index}`);
          appendFileSync(consoleOf(index), '');
        },
        onOutput: (index, bytes) => appendFileSync(consoleOf(index), bytes),
        onEnd: (index, { exitCode, seconds: took, tookTooLong, note }) => {
          events.push(tookTooLong ? `too long ${index}` : `end ${index} ${exitCode}`);
          seconds.push(took);
          notes.push(note);
        },
        ...more,
      });
      return { outcome, events, seconds, notes };
    }

    async function startedGroup(): Promise<number> {
      const file = join(directory, 'pid');
      await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
      return Number(readFileSync(file, 'utf8'));
    }

    it('gives each item its own output, however long it takes to get pipes', async () => {
      // Sometimes at once and sometimes late, so that the shell needs more pipes while others are pending.
      let taken = 0;
      class SlowPipes extends ConsolePipes {
        override async acquire(): Promise<ConsolePipe> {
          const pipe = await super.acquire();
          taken += 1;
          await sleep(taken % 3 === 0 ? 20 : 0);
          return pipe;
        }
      }
      pipes.close();
      pipes = new SlowPipes(directory);
      const values = Array.from({ length: 60 }, (_, index) => `value ${index}`);
      await run('echo "$VALUE"', values);
      expect(values.map((_, index) => textOf(index))).to.deep.equal(values.map((value) => `${value}\n`));
    });

    it('ends an item that takes too long with all that it started, and goes on with the next', async () => {
      const command =
        '[ $VALUE = 0 ] || { trap "exit 0" TERM; echo $BASHPID > pid; sleep 100 & wait; }; exit $VALUE';
      const { outcome, events } = await run(command, ['0', '1', '0'], { limitSeconds: 0.5 });
      expect(outcome).to.equal('completed');
      expect(events).to.deep.equal(['begin 0', 'end 0 0', 'begin 1', 'too long 1', 'begin 2', 'end 2 0']);
      expect(groupIsAlive(await startedGroup())).to.equal(false);
    });

    it('kills an item that takes too long and ignores TERM', async () => {
      const command = 'trap "" TERM; echo $BASHPID > pid; while :; do sleep 0.1; done';
      const { events } = await run(command, ['0'], { limitSeconds: 0.3, limitGraceMs: 200 });
      expect(events).to.deep.equal(['begin 0', 'too long 0']);
      expect(groupIsAlive(await startedGroup())).to.equal(false);
    });

    it('does not count what an item leaves in the background against its time limit', async () => {
      const { events } = await run('trap "" TERM; sleep 100 & :', ['0'], {
        limitSeconds: 0.8,
        limitGraceMs: 5_000,
      });
      expect(events).to.deep.equal(['begin 0', 'end 0 0']);
    });

    it('runs items one after another, those after a failed one too', async () => {
      const { outcome, events } = await run('echo "$VALUE"; exit "$VALUE"', ['0', '3', '0']);
      expect(outcome).to.equal('completed');
      expect(events).to.deep.equal(['begin 0', 'end 0 0', 'begin 1', 'end 1 3', 'begin 2', 'end 2 0']);
      expect([0, 1, 2].map(textOf)).to.deep.equal(['0\n', '3\n', '0\n']);
    });

    it('hands on everything that an item has printed, to the right one, however fast items follow each other', async () => {
      const values = Array.from({ length: 30 }, (_, index) => `${index}`);
      await run('echo "$VALUE"; echo "$VALUE" >/dev/stderr; seq "$VALUE"', values);
      for (const index of values.keys()) {
        const numbers = Array.from({ length: index }, (_, n) => `${n + 1}\n`).join('');
        expect(textOf(index)).to.equal(`${index}\n${index}\n${numbers}`);
      }
    });

    it('gives the output of a process in another session that outlives its item to no other item', async () => {
      const values = Array.from({ length: 12 }, (_, index) => `${index}`);
      const stray = 'setsid bash -c "while echo stray $VALUE; do sleep 0.02; done" & echo $! >>pids';
      await run(`echo "$VALUE"; ${stray}; sleep 0.05`, values);
      for (const pid of readFileSync(join(directory, 'pids'), 'utf8').trim().split('\n')) {
        if (processEntry(Number(pid)) !== null) {
          process.kill(Number(pid), 'SIGKILL');
        }
      }
      for (const value of values) {
        const lines = textOf(Number(value)).trim().split('\n');
        expect(lines).to.include(value);
        expect(lines.filter((line) => line !== value && line !== `stray ${value}`)).to.deep.equal([]);
      }
    });

    it('gives each item its own environment, byte for byte', async () => {
      const value = fc.string({
        unit: fc.constantFrom('a', "'", '"', '$', '`', '\\', '*', '\n', ' ', '-', 'ü', '!', '~'),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 5 }), async (values) => {
          await run('printf "%s|" "$VALUE"', values);
          values.forEach((text, index) => {
            expect(textOf(index)).to.equal(`${text}|`);
            rmSync(consoleOf(index));
          });
        }),
        { numRuns: 30 },
      );
    });

    it('lets no variable, trap, option or folder of an item reach the next', async () => {
      await run('echo "$LEAK $PWD"; export LEAK=yes; cd /; set -e; trap "echo bye" EXIT', ['a', 'b']);
      expect(textOf(1)).to.equal(` ${directory}\nbye\n`);
    });

    it('fails an item for a failure in the middle of a pipe, and reports death by a signal as 128 + its number', async () => {
      const { events } = await run('if test "$VALUE" = pipe; then false | true; else kill -9 $$; fi', [
        'pipe',
        'kill',
      ]);
      expect(events.filter((event) => event.startsWith('end'))).to.deep.equal(['end 0 1', 'end 1 137']);
    });

    it('gives an item an empty stdin, no descriptor of the runner, and a process group of its own', async () => {
      const look =
        'cat; for fd in 3 4; do test ! -e /proc/$$/fd/$fd || echo "has $fd"; done;' +
        'test "$(cut -d" " -f5 < /proc/self/stat)" = $$ || echo no leader';
      await run(look, ['a']);
      expect(textOf(0)).to.equal('');
    });

    it('ends what an item has left in the background before the next begins', async () => {
      const { events } = await run(
        'echo $$ > pid; if test "$VALUE" = first; then (trap "" TERM; sleep 1000) & fi; exit 0',
        ['first'],
        { graceMs: 100 },
      );
      expect(events).to.deep.equal(['begin 0', 'end 0 0']);
      expect(groupIsAlive(await startedGroup())).to.equal(false);
    });

    it('ends the running item, also what ignores TERM, and begins no other when the series is canceled', async () => {
      const cancel = new AbortController();
      const running = run('trap "" TERM; echo $$ > pid; sleep 1000 & sleep 1000', ['a', 'b'], {
        signal: cancel.signal,
        graceMs: 100,
      });
      const group = await startedGroup();
      cancel.abort();
      const { outcome, events } = await running;
      expect(outcome).to.equal('canceled');
      expect(events).to.deep.equal(['begin 0']);
      expect(groupIsAlive(group)).to.equal(false);
    });

    it('runs items in the folder that is there now, though another was there before', async () => {
      await run('touch here', ['a']);
      const old = `${directory} old`;
      renameSync(directory, old);
      mkdirSync(directory);
      await run('touch here', ['a']);
      expect(existsSync(join(directory, 'here'))).to.equal(true);
      rmSync(old, { recursive: true });
    });

    it('starts nothing when the series was canceled before', async () => {
      const { outcome, events } = await run('touch started', ['a'], { signal: AbortSignal.abort() });
      expect(outcome).to.equal('canceled');
      expect(events).to.deep.equal([]);
      expect(existsSync(join(directory, 'started'))).to.equal(false);
    });

    it('measures how long each item takes', async () => {
      const { seconds } = await run('sleep "$VALUE"', ['0', '0.2']);
      expect(seconds[0]).to.be.below(0.2);
      expect(seconds[1]).to.be.within(0.2, 20);
    });

    it('waits for an item that is stopped until it is continued', async () => {
      const { events } = await run('(sleep 0.1; kill -CONT $$) & kill -STOP $$; exit 3', ['a']);
      expect(events).to.deep.equal(['begin 0', 'end 0 3']);
    });

    if (name === 'SeriesShell') {
      describe('whose items share one shell,', () => {
        it('ends an item that has already begun when its caller fails', async () => {
          const command = 'test "$VALUE" = first || { echo $$ > pid; sleep 1000; }';
          const failing = run(command, ['first', 'second'], {
            graceMs: 100,
            onEnd: () => {
              while (!existsSync(join(directory, 'pid'))) {
                // The second one begins meanwhile.
              }
              throw new Error('no room for the console');
            },
          });
          const error = await failing.catch((reason: unknown) => reason);
          expect(String(error)).to.include('no room for the console');
          expect(groupIsAlive(await startedGroup())).to.equal(false);
        });

        it('fails an item that kills the shell that runs it, says so on its console, and runs the others', async () => {
          const { outcome, events, notes } = await run(
            'test "$VALUE" = bad || exit 0; kill -9 $PPID; sleep 1000',
            ['good', 'bad', 'good', 'bad'],
            { graceMs: 100 },
          );
          expect(outcome).to.equal('completed');
          expect(events).to.deep.equal([
            'begin 0',
            'end 0 0',
            'begin 1',
            'end 1 137',
            'begin 2',
            'end 2 0',
            'begin 3',
            'end 3 137',
          ]);
          expect(notes[0]).to.equal(null);
          expect(notes[1]).to.match(/^The shell that ran this atom ended before it\./);
        });

        it('goes on after an item has stopped the shell that runs it', async () => {
          const { events } = await run('kill -STOP $PPID', ['a', 'b']);
          expect(events).to.deep.equal(['begin 0', 'end 0 0', 'begin 1', 'end 1 0']);
        });

        it('gives up when shells end before any item begins', async () => {
          const folder = join(directory, 'bin');
          mkdirSync(folder);
          writeFileSync(join(folder, 'bash'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
          const runner = runnerOf('broken', { PATH: folder });
          const error = await run(':', ['a'], {}, runner).catch((reason: unknown) => reason);
          expect(error).to.be.instanceOf(ClusterRunnerError);
          expect(String(error)).to.include('before an atom began');
        });
      });
    }
  });
}
