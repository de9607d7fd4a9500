import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { systemClock } from '../../../../src/lib/clock.js';
import { ConsolePipes } from '../../../../src/process/console/console-pipes.js';
import type { ItemEnd } from '../../../../src/process/series/item-runner.js';
import { WorkerPool } from '../../../../src/process/worker/worker-pool.js';
import { processesWith } from '../../../support/processes.js';
import { type Step, scriptedWorker, steps } from '../../../support/scripted-worker.js';
import { seriesItems } from '../../../support/series-items.js';

const isLinux = process.platform === 'linux';

/** An atom that writes its verdict into a file of its own at its end. */
const text = (index: number, code: number) =>
  `echo ${index} begins; echo ${code} > verdict-${index}; exit ${code}`;
const proper = (index: number, code: number): Step[] => [
  ['start', text(index, code)],
  ['begin'],
  ['wait'],
  ['end'],
];

/** Anything that a broken worker may do, except for reporting another exit code than that of the process, which nobody can see. */
const fault: fc.Arbitrary<Step> = fc.constantFrom<Step>(
  ['exit', 0],
  ['exit', 1],
  ['kill'],
  ['close'],
  ['begin'],
  ['begin', 2],
  ['begin', process.pid],
  ['end'],
  ['ready'],
  ['say', '{"kind":"ended","request":%R,"exit_code":0}'],
  ['say', '{"kind":"ended","request":1,"exit_code":0}\n'],
  ['say', '{"kind":"begun","request":%R}\n'],
  ['say', 'passed\n'],
  ['say', '\n'],
  ['say', 'x'.repeat(66_000)],
  ['print', 'to the worker itself\n'],
  ['leak'],
  ['block', 20],
  ['daemon', 'exec sleep 300'],
);

interface ChaoticAtom {
  readonly code: number;
  /** Put into the proper steps before the one of that number, and how many of these are left out after it. */
  readonly faults: readonly { readonly at: number; readonly step: Step; readonly without: number }[];
}

const chaoticAtom: fc.Arbitrary<ChaoticAtom> = fc.record({
  code: fc.constantFrom(0, 0, 1, 3),
  faults: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    {
      weight: 2,
      arbitrary: fc.array(
        fc.record({ at: fc.nat({ max: 4 }), step: fault, without: fc.constantFrom(0, 0, 1, 4) }),
        { minLength: 1, maxLength: 2 },
      ),
    },
  ),
});

function stepsOf({ code, faults }: ChaoticAtom, index: number): string {
  const all = proper(index, code);
  for (const { at, step, without } of faults) {
    all.splice(at, without, step);
  }
  // A worker that waits for nothing else would wait for a minute.
  return steps(...all, ...(faults.length > 0 ? [['exit', 0] as const] : []));
}

describe('workers that die, lie, leak and break their protocol', () => {
  it('cause no wrong verdict, cost no other atom its own, and leave no process', async function () {
    this.timeout(600_000);
    await fc.assert(
      fc.asyncProperty(fc.array(chaoticAtom, { minLength: 3, maxLength: 8 }), async (atoms) => {
        const directory = mkdtempSync(join(tmpdir(), 'chaos-'));
        const pipes = new ConsolePipes(directory);
        const env = { PATH: process.env.PATH ?? '', CHAOS: directory };
        const pool = new WorkerPool(
          { command: scriptedWorker, env: () => env, recycleAfter: null, warn: () => undefined },
          { cwd: directory, pipes, clock: systemClock },
        );
        const ends = new Map<number, ItemEnd>();
        const consoles = atoms.map(() => '');
        const values = atoms.map((one, index) => ({ VALUE: stepsOf(one, index) }));
        const outcome = await pool.run({
          executor: 0,
          items: seriesItems(directory, ...values),
          list: join(directory, 'list'),
          signal: new AbortController().signal,
          limitSeconds: 20,
          graceMs: 200,
          limitGraceMs: 200,
          onBegin: () => undefined,
          onOutput: (index, bytes) => {
            consoles[index] += bytes.toString();
          },
          onEnd: (index, end) => {
            expect(ends.has(index)).to.equal(false);
            ends.set(index, end);
          },
        });
        await pool.end();
        pipes.close();
        expect(outcome).to.equal('completed');
        for (const [index, { code, faults }] of atoms.entries()) {
          const end = ends.get(index);
          const file = join(directory, `verdict-${index}`);
          const ran = existsSync(file) ? Number(readFileSync(file, 'utf8')) : null;
          if (faults.length === 0) {
            expect(end?.exitCode, `atom ${index}`).to.equal(code);
            expect(consoles[index]).to.equal(`${index} begins\n`);
          } else {
            expect(end?.exitCode, `atom ${index}`).to.be.oneOf([125, ran]);
          }
        }
        expect(isLinux ? processesWith('CHAOS', directory) : []).to.deep.equal([]);
        rmSync(directory, { recursive: true });
      }),
      { numRuns: 10 },
    );
  });
});
