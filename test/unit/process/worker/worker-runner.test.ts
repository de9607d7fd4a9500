import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../../src/lib/clock.js';
import { ConsolePipes } from '../../../../src/process/console/console-pipes.js';
import { processEntry } from '../../../../src/process/containment/process-table.js';
import type { ItemEnd, Series } from '../../../../src/process/series/item-runner.js';
import { WorkerPool } from '../../../../src/process/worker/worker-pool.js';
import type { JobWorker } from '../../../../src/process/worker/worker-runner.js';
import { atom, type Step, scriptedWorker, steps } from '../../../support/scripted-worker.js';
import { seriesItems } from '../../../support/series-items.js';
import { until } from '../../../support/until.js';

interface Ran {
  readonly outcome: string;
  /** Exit codes in the order of the ends, `too long` for an item that took too long. */
  readonly codes: readonly (number | 'too long')[];
  readonly ends: readonly ItemEnd[];
  readonly consoles: readonly string[];
}

describe('a worker', () => {
  let directory: string;
  let pipes: ConsolePipes;
  let pools: WorkerPool[];
  let warnings: string[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "worker's "));
    pipes = new ConsolePipes(directory);
    pools = [];
    warnings = [];
  });
  afterEach(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    pipes.close();
    rmSync(directory, { recursive: true });
  });

  function poolOf(env: Record<string, string> = {}, more: Partial<JobWorker> = {}): WorkerPool {
    const pool = new WorkerPool(
      {
        command: scriptedWorker,
        env: (executor) => ({ PATH: process.env.PATH ?? '', EXECUTOR_INDEX: String(executor), ...env }),
        recycleAfter: null,
        warn: (text) => warnings.push(text),
        ...more,
      },
      { cwd: directory, pipes, clock: systemClock },
    );
    pools.push(pool);
    return pool;
  }

  async function run(pool: WorkerPool, values: readonly string[], more: Partial<Series> = {}): Promise<Ran> {
    const ends: ItemEnd[] = [];
    const consoles = values.map(() => '');
    const events: string[] = [];
    const outcome = await pool.run({
      executor: 0,
      items: seriesItems(directory, ...values.map((VALUE) => ({ VALUE }))),
      list: join(directory, 'list'),
      signal: new AbortController().signal,
      limitSeconds: null,
      graceMs: 2_000,
      limitGraceMs: 2_000,
      onBegin: (index) => events.push(`begin ${index}`),
      onOutput: (index, bytes) => {
        consoles[index] += bytes.toString();
      },
      onEnd: (index, end) => {
        events.push(`end ${index}`);
        ends.push(end);
      },
      ...more,
    });
    const expected = ends.flatMap((_, index) => [`begin ${index}`, `end ${index}`]);
    expect(events.slice(0, expected.length)).to.deep.equal(expected);
    const codes = ends.map(({ exitCode, tookTooLong }) => (tookTooLong ? 'too long' : exitCode));
    return { outcome, codes, ends, consoles };
  }

  const pidIn = async (name: string) => {
    const file = join(directory, name);
    await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
    return Number(readFileSync(file, 'utf8'));
  };
  const tellParent = 'ps -o ppid= $$ | tr -d " "';
  const isGone = (pid: number) => processEntry(pid) === null;

  it('is handed atom after atom, each with its own variables, console and exit code', async () => {
    const values = ['echo "$VALUE" | wc -c', 'echo out; echo err >&2; exit 3', 'kill -9 $$'].map(atom);
    const { outcome, codes, consoles } = await run(poolOf(), values);
    expect({ outcome, codes }).to.deep.equal({ outcome: 'completed', codes: [0, 3, 137] });
    expect(consoles).to.deep.equal([`${Buffer.byteLength(values[0] ?? '') + 1}\n`, 'out\nerr\n', '']);
  });

  it('is the same process for all atoms of an executor, and another one for another executor', async () => {
    const pool = poolOf();
    const value = atom(`${tellParent}; echo $EXECUTOR_INDEX`);
    const [{ consoles }, other] = await Promise.all([
      run(pool, [value, value]),
      run(pool, [value], { executor: 1 }),
    ]);
    const again = await run(pool, [value]);
    expect(consoles[0])
      .to.equal(consoles[1])
      .and.to.equal(again.consoles[0])
      .and.to.match(/^\d+\n0\n$/);
    expect(other.consoles[0])
      .to.match(/^\d+\n1\n$/)
      .and.not.to.equal(consoles[0]);
  });

  it('is replaced after recycle_after atoms, and exits by itself when its requests end', async () => {
    const { consoles } = await run(poolOf({}, { recycleAfter: 2 }), Array(5).fill(atom(tellParent)));
    const [a, b, c, d, e] = consoles;
    expect([a === b, b === c, c === d, d === e]).to.deep.equal([true, false, true, false]);
  });

  it('ends with the build, with everything that it has started', async () => {
    const pool = poolOf({
      WORKER_START: steps(['daemon', 'echo $$ > daemon; sleep 300'], ['until', 'daemon'], ['ready']),
    });
    await run(pool, [atom('echo $PPID > worker')]);
    const [daemon, worker] = [await pidIn('daemon'), await pidIn('worker')];
    expect([isGone(daemon), isGone(worker)]).to.deep.equal([false, false]);
    await pool.end();
    expect([isGone(daemon), isGone(worker)]).to.deep.equal([true, true]);
  });

  it('passes on counts of tests with the end of an atom', async () => {
    const tests = { tests: 5, failures: 1, errors: 0, skipped: 2 };
    const ended = `{"kind":"ended","request":%R,"exit_code":1,"tests":${JSON.stringify(tests)}}\n`;
    const { ends } = await run(poolOf(), [steps(['start', ':'], ['begin'], ['wait'], ['say', ended])]);
    expect(ends[0]?.tests).to.deep.equal(tests);
  });

  it('is replaced when the folder of the project was replaced, so that atoms run in the new one', async () => {
    const pool = poolOf();
    const before = (await run(pool, [atom(tellParent)])).consoles;
    const moved = mkdtempSync(join(tmpdir(), 'moved-'));
    renameSync(directory, join(moved, 'project'));
    mkdirSync(directory);
    rmSync(moved, { recursive: true });
    const after = (await run(pool, [atom(tellParent)])).consoles;
    expect(after).not.to.deep.equal(before);
  });

  describe('with an atom that takes too long', () => {
    it('goes on, when the atom has a process of its own, of which nothing is left', async () => {
      const late =
        'echo $$ > atom; setsid sleep 300 & echo $! > session; trap "" TERM; while :; do sleep 0.1; done';
      const { codes, consoles } = await run(poolOf(), [tellParent, late, tellParent].map(atom), {
        limitSeconds: 1,
        limitGraceMs: 200,
      });
      expect(codes).to.deep.equal([0, 'too long', 0]);
      expect(consoles[2]).to.equal(consoles[0]);
      expect([isGone(await pidIn('atom')), isGone(await pidIn('session'))]).to.deep.equal([true, true]);
    });

    it('is replaced, when the atom runs in the worker itself', async () => {
      const { codes } = await run(
        poolOf({ WORKER_ISOLATION: 'none' }),
        [steps(['begin'], ['hang']), steps(['begin'], ['end', 4])],
        { limitSeconds: 1, limitGraceMs: 200 },
      );
      expect(codes).to.deep.equal(['too long', 4]);
    });
  });

  for (const isolation of ['process', 'none']) {
    it(`loses what an atom leaves in the background, with isolation ${isolation}, and keeps its own helpers`, async () => {
      const helper = 'echo $$ > helper; sleep 300';
      const left =
        'setsid bash -c "echo \\$\\$ > left; exec sleep 300" &>/dev/null & until [ -s left ]; do sleep 0.02; done';
      const pool = poolOf({
        WORKER_ISOLATION: isolation,
        WORKER_START: steps(['daemon', helper], ['until', 'helper'], ['ready']),
      });
      const first =
        isolation === 'process'
          ? atom(left)
          : steps(
              ['begin'],
              ['start', left],
              ['wait'],
              ['daemon', 'echo $$ > inside; sleep 300'],
              ['until', 'inside'],
              ['end', 0],
            );
      const { codes, ends } = await run(pool, [
        first,
        isolation === 'process' ? atom(':') : steps(['begin'], ['end', 0]),
      ]);
      expect(codes).to.deep.equal([0, 0]);
      expect(ends.map(({ note }) => note)).to.deep.equal([null, null]);
      expect(isGone(await pidIn('left'))).to.equal(true);
      expect(isGone(await pidIn('helper'))).to.equal(false);
      if (isolation === 'none') {
        expect(isGone(await pidIn('inside'))).to.equal(true);
      }
    });
  }

  it('ends with its atom when the series is canceled, and nothing of them is left', async () => {
    const cancel = new AbortController();
    const ran = run(
      poolOf(),
      [atom('echo $$ > atom; echo $PPID > worker; sleep 300'), atom('touch second')],
      {
        signal: cancel.signal,
      },
    );
    const [child, worker] = [await pidIn('atom'), await pidIn('worker')];
    cancel.abort();
    const { outcome, codes } = await ran;
    expect({ outcome, codes }).to.deep.equal({ outcome: 'canceled', codes: [] });
    expect([isGone(child), isGone(worker), existsSync(join(directory, 'second'))]).to.deep.equal([
      true,
      true,
      false,
    ]);
  });

  it('ends while it starts, when the series is canceled', async () => {
    const cancel = new AbortController();
    const start = steps(['daemon', 'echo $$ > helper; sleep 300'], ['hang']);
    const ran = run(poolOf({ WORKER_START: start }), [atom(':')], { signal: cancel.signal });
    const helper = await pidIn('helper');
    cancel.abort();
    expect((await ran).outcome).to.equal('canceled');
    expect(isGone(helper)).to.equal(true);
  });

  describe('that does not start', () => {
    const cases: readonly [what: string, start: readonly Step[], reason: RegExp][] = [
      [
        'exits',
        [
          ['print', 'no module named shop\n'],
          ['exit', 3],
        ],
        /The worker exited with 3\./,
      ],
      [
        'speaks no protocol',
        [['say', 'Hello!\n']],
        /wrote a line that is no message of its protocol: "Hello!"/,
      ],
      [
        'speaks another version',
        [['say', '{"kind":"ready","protocol":7,"isolation":"none"}\n']],
        /speaks version 7 of the protocol, and this slave speaks version 1\./,
      ],
      ['closes its descriptor', [['close'], ['hang']], /The worker closed descriptor 4\./],
    ];
    for (const [what, start, reason] of cases) {
      it(`because it ${what} fails the atoms with its output and the reason, and is started a few times only`, async () => {
        const count = 'echo start >> starts; ';
        const pool = poolOf({ WORKER_START: steps(...start) }, { command: `${count}${scriptedWorker}` });
        const { outcome, codes, ends, consoles } = await run(pool, Array(20).fill(atom(':')));
        expect(outcome).to.equal('completed');
        expect(codes).to.deep.equal(Array(20).fill(125));
        for (const { note } of ends) {
          expect(note).to.match(reason);
        }
        expect(readFileSync(join(directory, 'starts'), 'utf8')).to.equal('start\n'.repeat(3));
        if (what === 'exits') {
          expect(consoles[19]).to.equal('The worker printed at its end:\nno module named shop\n');
        }
      });
    }
  });

  it('that cannot be found fails the atoms with the message of the shell', async () => {
    const { codes, consoles } = await run(poolOf({}, { command: 'no-such-worker --fast' }), [atom(':')]);
    expect(codes).to.deep.equal([125]);
    expect(consoles[0]).to.match(/no-such-worker: (command )?not found/);
  });

  describe('that fails', () => {
    const passing = atom('exit 0');
    const cases: readonly [what: string, all: readonly Step[], reason: RegExp][] = [
      ['exits', [['start', 'sleep 300'], ['begin'], ['exit', 0]], /The worker exited with 0\./],
      ['is killed', [['start', 'sleep 300'], ['begin'], ['kill']], /The worker exited with 137\./],
      ['closes its descriptor', [['start', ':'], ['begin'], ['close'], ['hang']], /closed descriptor 4/],
      [
        'writes garbage',
        [['start', ':'], ['begin'], ['wait'], ['say', 'PASSED\n']],
        /no message of its protocol: "PASSED"/,
      ],
      [
        'writes a huge line',
        [['start', ':'], ['begin'], ['say', 'x'.repeat(70_000)]],
        /a line of more than 64 KiB/,
      ],
      [
        'responds for another atom',
        [['start', ':'], ['begin'], ['wait'], ['say', '{"kind":"ended","request":99,"exit_code":0}\n']],
        /responded to request 99 when request \d+ was the current one/,
      ],
      [
        'reports an exit code that none can be',
        [['start', ':'], ['begin'], ['wait'], ['end', 256]],
        /exit_code: Expected integer to be less or equal to 255/,
      ],
      [
        'reports the end while the process of the atom runs',
        [['start', 'sleep 300'], ['begin'], ['end', 0], ['hang']],
        /ended without having waited for the end of its process/,
      ],
      [
        'reports the end of a process that has ended, without having waited for it',
        [['start', 'exit 1'], ['block', 500], ['begin'], ['end', 0], ['block', 5000], ['hang']],
        /ended without having waited for the end of its process/,
      ],
      ['reports the begin twice', [['start', ':'], ['begin'], ['begin'], ['hang']], /as begun twice/],
      [
        'never reports the end',
        [['start', ':'], ['begin'], ['wait'], ['hang']],
        /did not report the end of the atom within 10 s/,
      ],
    ];
    for (const [what, all, reason] of cases) {
      it(`because it ${what} costs that atom its verdict, and no other`, async () => {
        const { codes, ends } = await run(poolOf(), [passing, steps(...all), passing]);
        expect(codes).to.deep.equal([0, 125, 0]);
        expect(ends[1]?.note)
          .to.match(reason)
          .and.to.match(/So this atom failed, and another worker runs the next one/);
      });
    }

    const before: readonly [what: string, all: readonly Step[], reason: RegExp][] = [
      ['exits', [['exit', 9]], /The worker exited with 9\./],
      ['names a process that is not its own', [['begin', process.pid], ['hang']], /which it has not started/],
      ['reports the end first', [['end', 0], ['hang']], /ended without having reported its begin/],
      [
        'names no process',
        [['say', '{"kind":"begun","request":%R}\n'], ['hang']],
        /did not name the process/,
      ],
      ['writes garbage', [['say', '\u0000\n']], /no message of its protocol/],
    ];
    for (const [what, all, reason] of before) {
      it(`because it ${what} before the atom has begun has another worker try once more`, async () => {
        const pool = poolOf();
        const { codes, ends } = await run(pool, [passing, steps(...all), passing]);
        expect(codes).to.deep.equal([0, 125, 0]);
        expect(ends[1]?.note)
          .to.match(reason)
          .and.to.match(/^No worker began this atom, so it failed/);
      });

      it(`because it ${what} before the atom has begun loses nothing if the next worker runs it`, async () => {
        const once = `test -e tried || { touch tried; export WORKER_FIRST=yes; }; `;
        const pool = poolOf({}, { command: `${once}${scriptedWorker}` });
        const { codes } = await run(pool, [
          steps(['first', JSON.stringify(all)], ['start', 'exit 5'], ['begin'], ['wait'], ['end']),
        ]);
        expect(codes).to.deep.equal([5]);
      });
    }
  });

  it('that is killed between two atoms costs none of them, and the slave is notified', async () => {
    const pool = poolOf();
    await run(pool, [atom('echo $PPID > worker')]);
    process.kill(await pidIn('worker'), 'SIGKILL');
    await until(() => warnings.length > 0);
    expect((await run(pool, [atom('exit 6')])).codes).to.deep.equal([6]);
    expect(warnings[0]).to.match(
      /A worker ended between two atoms, and is replaced: The worker exited with 137\./,
    );
  });

  it('that responds twice costs no atom its verdict', async () => {
    const twice = steps(['start', 'exit 1'], ['begin'], ['wait'], ['end'], ['end', 0]);
    const { codes } = await run(poolOf(), [twice, atom('exit 2'), twice, atom('exit 0')]);
    expect(codes).to.deep.equal([1, 2, 1, 0]);
  });

  it('that prints to its own stdout or to the console of an earlier atom changes no console', async () => {
    const values = [
      steps(['print', 'mine\n'], ['start', 'echo one'], ['begin'], ['wait'], ['end']),
      steps(['start', 'echo two'], ['begin'], ['wait'], ['end'], ['console', 'late\n']),
      atom('echo three'),
    ];
    const { codes, consoles } = await run(poolOf(), values);
    expect(codes).to.deep.equal([0, 0, 0]);
    expect(consoles[0]).to.equal('one\n');
    expect(consoles[1]).to.be.oneOf(['two\n', 'two\nlate\n']);
    expect(consoles[2]).to.equal('three\n');
    expect(readdirSync(directory).filter((name) => name.startsWith('console-'))).to.deep.equal([]);
  });

  it('that leaks the console of each atom goes on for more atoms than there are pipes', async () => {
    const leaking = steps(['leak'], ['start', 'echo here'], ['begin'], ['wait'], ['end']);
    const { codes, consoles } = await run(poolOf(), Array(150).fill(leaking));
    expect(codes).to.deep.equal(Array(150).fill(0));
    expect(new Set(consoles)).to.deep.equal(new Set(['here\n']));
  });
});
