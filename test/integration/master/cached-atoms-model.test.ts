import { expect } from 'chai';
import fc from 'fast-check';
import type { BuildRequest } from '../../../src/protocol/build/build.js';
import type { JobDefinition } from '../../../src/protocol/build/job.js';
import type { BuildId } from '../../../src/protocol/ids.js';
import { isRun, MasterHarness, type TestSlave } from '../../support/master-harness.js';

const ATOMS = 3;
const page = { offset: 0, limit: 100 };
const job: Partial<JobDefinition> = { inputs: ['$TOKEN'], cache: true };
const digest = (letter: string) => letter.repeat(43);

/** The content of an atom's inputs: g passes, b fails, f fails at its first run and passes at every other one. */
const letter = fc.constantFrom('g', 'G', 'b', 'f', 'f');
const contents = fc.array(letter, { minLength: ATOMS, maxLength: ATOMS });
const one = 'https://example.com/one.git';
const url = fc.constantFrom(one, one, one, 'https://example.com/other.git');
const surroundings = fc.constantFrom('s', 's', 's', 't');
const fault = fc.constantFrom('nothing', 'restart', 'lose the slave', 'end the build', 'other surroundings');
const step = fc.record({ contents, url, surroundings, fault, retries: fc.nat(1), noCache: fc.boolean() });
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Carries out builds, and remembers every verdict that an atom has really got. */
class Story {
  readonly harness = new MasterHarness();
  /** Numbers of runs by project, surroundings, atom and content. */
  readonly #runs = new Map<string, number>();
  /** Builds by the same key in which the atom ran and passed. */
  readonly passes = new Map<string, Set<number>>();
  #slave: TestSlave | null = null;

  async carryOut({ contents, url, surroundings, fault, retries, noCache }: Step): Promise<void> {
    const request: BuildRequest = {
      type: 'git',
      url,
      job_name: 'Simple',
      ...(noCache ? { cache: false } : {}),
    };
    const build = await this.harness.master.createBuild(request);
    this.#slave ??= await this.harness.slave(100);
    await this.#slave.prepare(
      ATOMS,
      { ...job, retries },
      {
        surroundings: digest(surroundings),
        atoms: contents.map(digest),
      },
    );
    await this.#requireTrue(build, url, surroundings, contents);
    if (fault === 'restart') {
      await this.harness.restart();
      await this.#slave.ask({ free_executors: 0 });
    } else if (fault === 'lose the slave') {
      await this.#slave.ask();
      const other = await this.harness.slave(100);
      await this.harness.loseOthers(other);
      this.#slave = other;
    } else if (fault === 'end the build') {
      const { assignments } = await this.#slave.ask();
      const canceled = this.harness.master.cancelBuild(build, new AbortController().signal);
      for (const assignment of assignments.filter(isRun)) {
        this.#slave.leases.delete(assignment.lease.lease_id);
      }
      await this.#slave.ask({ free_executors: 0 });
      await canceled;
      return;
    }
    const ran = fault === 'other surroundings' ? 'x' : surroundings;
    for (;;) {
      const runs = (await this.#slave.ask()).assignments.filter(isRun);
      if (runs.length === 0) {
        break;
      }
      for (const run of runs) {
        const failing = run.atoms.filter(({ id }) => !this.#passes(build, url, ran, id, contents[id] ?? ''));
        await this.#slave.deliver(run, { failing: failing.map(({ id }) => id), surroundings: digest(ran) });
      }
    }
    expect((await this.harness.master.getBuild(build)).state).to.equal('FINISHED');
    await this.#requireTrue(build, url, surroundings, contents);
  }

  #passes(build: BuildId, url: string, where: string, atom: number, content: string): boolean {
    const key = [url, where, atom, content].join(' ');
    const before = this.#runs.get(key) ?? 0;
    this.#runs.set(key, before + 1);
    const passes = content !== 'b' && (content !== 'f' || before > 0);
    if (passes) {
      this.passes.set(key, (this.passes.get(key) ?? new Set()).add(build));
    }
    return passes;
  }

  /** Each cached atom has passed with the same content in the build that it names, and is of a content that never fails. */
  async #requireTrue(build: BuildId, url: string, where: string, contents: readonly string[]): Promise<void> {
    const { atoms } = await this.harness.master.listAtoms(build, null, page);
    for (const { id, cached_from: from, outcome } of atoms) {
      const content = contents[id] ?? '';
      if (from !== null) {
        expect(this.passes.get([url, where, id, content].join(' '))).to.include(from.build_id);
        expect(outcome).to.equal('PASSED');
        expect(['b', 'f']).to.not.include(content);
      }
    }
    const { num_atoms_cached: cached } = await this.harness.master.getBuild(build);
    expect(cached).to.equal(atoms.filter(({ cached_from }) => cached_from !== null).length);
  }
}

describe('cached atoms', () => {
  it('have always passed with the same inputs, whatever happened to builds, slaves and the master', async () => {
    let cached = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 12 }), async (steps) => {
        const story = new Story();
        try {
          await story.harness.start();
          for (const one of steps) {
            await story.carryOut(one);
          }
          cached += story.passes.size;
        } finally {
          await story.harness.close();
        }
      }),
      { numRuns: 25 },
    );
    expect(cached).to.be.above(0);
  }).timeout(300_000);
});
