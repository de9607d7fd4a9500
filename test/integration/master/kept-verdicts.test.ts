import { createReadStream } from 'node:fs';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import type { Atom } from '../../../src/protocol/build/work.js';
import { atomFolder, type BuildId, toId } from '../../../src/protocol/ids.js';
import { PROTOCOL } from '../../../src/protocol/slave/protocol-version.js';
import type { RunAssignment } from '../../../src/protocol/slave/slave-messages.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../support/master-harness.js';
import { subjobArchive } from '../../support/subjob-archive.js';

const page = { offset: 0, limit: 100 };
/** The first two share a subjob. */
const ATOMS = 8;

describe('a verdict that a slave has reported', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  async function atomsOf(build: BuildId): Promise<Atom[]> {
    return (await harness.master.listAtoms(build, null, page)).atoms;
  }

  it('counts at once, before its subjob is delivered', async () => {
    const { build, runner } = await begun(harness);
    await runner.end(0);
    await runner.end(1);
    expect(await harness.master.getBuild(build)).to.include({ num_atoms_done: 2, num_atoms_failed: 1 });
  });

  it('stays when its slave is lost, until a later attempt reports its own', async () => {
    const { build, runner } = await begun(harness);
    await runner.end(1);
    await runner.begin();
    await runner.lose();
    const other = new Runner(harness, await harness.slave());
    await other.take();
    await other.begin();
    const shown = (await atomsOf(build)).map(({ state, exit_code }) => [state, exit_code]);
    expect(shown.slice(0, 2)).to.deep.equal([
      ['COMPLETED', 1],
      ['IN_PROGRESS', null],
    ]);
    await other.end(0);
    expect((await atomsOf(build))[0]).to.include({ state: 'COMPLETED', exit_code: 0, outcome: null });
    expect(await harness.master.getBuild(build)).to.include({ num_atoms_done: 1, num_atoms_failed: 0 });
  });

  it('is final when the build ends, and a running atom is interrupted', async () => {
    const { build, runner } = await begun(harness);
    await runner.end(7);
    await runner.begin();
    await runner.lose();
    const ended = await harness.master.cancelBuild(build);
    expect(ended).to.include({ state: 'CANCELED', num_atoms_done: 1, num_atoms_failed: 1 });
    expect(ended.failed_atoms?.map(({ id }) => id)).to.deep.equal([0]);
    const [failed, cut] = await atomsOf(build);
    expect(failed).to.include({ outcome: 'FAILED', exit_code: 7, error: null });
    expect(cut).to.include({ state: 'COMPLETED', outcome: 'INTERRUPTED', exit_code: null, slave: 'slave-1' });
    expect(cut?.error).to.match(/^It was ended with its build after [\d.]+ m?s on slave-1\.$/);
  });

  it('counts in a subjob that is given up after too many losses; only the other atoms are lost', async () => {
    const { build, runner } = await begun(harness);
    await runner.end(0);
    for (let losses = 0; losses < 2; losses += 1) {
      await runner.lose();
      await runner.take();
    }
    await runner.lose();
    await runner.slave.runAll();
    const ended = await harness.master.getBuild(build);
    expect(ended).to.include({
      state: 'FINISHED',
      num_atoms_done: ATOMS,
      num_atoms_failed: 1,
      num_atoms_lost: 1,
    });
    const outcomes = (await atomsOf(build)).map(({ outcome }) => outcome);
    expect(outcomes.slice(0, 3)).to.deep.equal(['PASSED', 'LOST', 'PASSED']);
  });

  it('counts for an atom that runs again when its second run never ends', async () => {
    const { build, runner } = await begun(harness, 1, { retries: 1 });
    await runner.end(1);
    await runner.deliver();
    await runner.take();
    await runner.begin();
    await runner.lose();
    const ended = await harness.master.cancelBuild(build);
    expect(ended).to.include({ num_atoms_done: 1, num_atoms_failed: 1, num_atoms_flaky: 0 });
    expect((await atomsOf(build))[0]).to.include({ outcome: 'FAILED', exit_code: 1, subjob_id: 0 });
    expect((await harness.master.archiveContents(build))?.failedFolders).to.deep.equal(['artifact_0_0']);
  });

  it('has a folder with exit code, time, script, note and the console of that time when nobody delivered it', async () => {
    const { build, runner } = await begun(harness);
    await runner.end(7, 'what the first one said\n');
    await runner.begin();
    await runner.lose();
    const other = new Runner(harness, await harness.slave());
    await other.take();
    await other.begin('what a later one said\n');
    await harness.restart();
    await other.begin('and more\n', 'what a later one said\n'.length);
    await harness.master.cancelBuild(build);
    const files = await resultsOf(harness, build);
    expect(Object.keys(files).sort()).to.deep.equal(
      ['command', 'console_output', 'exit_code', 'notes', 'time'].map(
        (name) => `artifact_0_0/clusterrunner_${name}`,
      ),
    );
    expect(files['artifact_0_0/clusterrunner_exit_code']).to.equal('7\n');
    expect(files['artifact_0_0/clusterrunner_time']).to.equal('1.00\n');
    expect(files['artifact_0_0/clusterrunner_console_output']).to.equal('what the first one said\n');
    expect(files['artifact_0_0/clusterrunner_command'])
      .to.match(/^#!\/bin\/sh\n/)
      .and.contain('export TOKEN=1;');
    expect(files['artifact_0_0/clusterrunner_notes']).to.equal(
      'It had ended, and its slave had reported that; "slave-1" was lost, or the build had ended, before the results were ' +
        'delivered. So files of ARTIFACT_DIR are missing, and the console holds what the master had seen of it: it may lack ' +
        'its end, and a long one its beginning.\n',
    );
    const page = await harness.master.readConsole(build, toId.atom(0), { offsetLine: 0, maxLines: 10 });
    expect(page.content).to.equal('what the first one said\n');
  });

  it('is missing for a running atom, whose folder has its output and no exit code', async () => {
    const { build, runner } = await begun(harness);
    await runner.begin('hangs\n');
    await runner.lose();
    await harness.master.cancelBuild(build);
    const files = await resultsOf(harness, build);
    expect(files).to.not.have.property('artifact_0_0/clusterrunner_exit_code');
    expect(files['artifact_0_0/clusterrunner_console_output']).to.equal('hangs\n');
    expect((await harness.master.archiveContents(build))?.failedFolders).to.deep.equal([]);
  });

  it('has its folder in the results of a build with a subjob that is given up', async () => {
    const { build, runner } = await begun(harness);
    await runner.end(3);
    for (let losses = 0; losses < 2; losses += 1) {
      await runner.lose();
      await runner.take();
    }
    await runner.lose();
    const following = await harness.master.followArchives(build, new AbortController().signal);
    await runner.slave.runAll({ content: await subjobArchive({}) });
    const files = await resultsOf(harness, build);
    expect(
      Object.keys(files)
        .filter((name) => /_(command|exit_code)$/.test(name))
        .sort(),
    ).to.deep.equal(['artifact_0_0/clusterrunner_command', 'artifact_0_0/clusterrunner_exit_code']);
    const arrived: string[] = [];
    for await (const batch of following ?? []) {
      arrived.push(...batch);
    }
    expect(arrived.sort()).to.deep.equal(
      [...((await harness.master.archiveContents(build))?.files ?? [])].sort(),
    );
  });

  it('never disappears, whatever slaves, retries and restarts do, and whenever the build ends', async () => {
    const action = fc.record({
      what: fc.constantFrom(
        'begin',
        'begin',
        'end',
        'end',
        'end',
        'deliver',
        'lose',
        'leave',
        'stop',
        'restart',
      ),
      who: fc.nat({ max: 1 }),
      exitCode: fc.constantFrom(0, 0, 1),
    });
    const actions = fc.array(action, { maxLength: 25 });
    const ends = fc.constantFrom<End>('delivers', 'returns', 'stays away', 'is lost', 'restarts');
    harness.settings.endGrace = 10;
    await harness.restart();
    await fc.assert(
      fc.asyncProperty(actions, fc.nat({ max: 1 }), ends, async (actions, retries, end) => {
        const { build, runner } = await begun(harness, ATOMS, { retries });
        const runners = [runner, new Runner(harness, await harness.slave())];
        let before = await atomsOf(build);
        for (const { what, who, exitCode } of actions) {
          const one = runners[who];
          if (one === undefined || (await harness.master.getBuild(build)).status !== 'BUILDING') {
            break;
          }
          await one.act(what, exitCode);
          const after = await atomsOf(build);
          requireForward(before, after);
          before = after;
          const { activity, num_atoms_failed } = await harness.master.getBuild(build);
          expect(activity?.failures.total ?? Infinity).to.be.at.least(num_atoms_failed);
        }
        const shown = await harness.master.getBuild(build);
        const ended = await cancelWhile(harness, build, runners, end);
        const after = await atomsOf(build);
        requireForward(before, after);
        requireSettled(after);
        requireFolders(after, await resultsOf(harness, build));
        // Atoms whose third slave is lost during the early end are LOST, which is a verdict too.
        expect(ended.num_atoms_done).to.equal(shown.num_atoms_done + lostIn(after) - lostIn(before));
        expect(ended.num_atoms_failed).to.equal(
          after.filter(({ outcome }) => outcome === 'FAILED' || outcome === 'LOST').length,
        );
        for (const { slave } of runners) {
          await harness.master.goodbyeSlave(slave.id);
        }
      }),
      { numRuns: 40 },
    );
  });
});

/** Actions of slaves during the early end of a build. */
type End = 'delivers' | 'returns' | 'stays away' | 'is lost' | 'restarts';

async function cancelWhile(harness: MasterHarness, id: BuildId, runners: readonly Runner[], end: End) {
  const canceling = harness.master.cancelBuild(id).catch(() => undefined);
  if (end === 'restarts') {
    await harness.master.getBuild(id);
    await harness.restart();
  }
  for (const runner of runners) {
    await runner.endEarly(end);
  }
  let build = await harness.master.getBuild(id);
  while (build.status === 'BUILDING') {
    await harness.advance(1000);
    build = await harness.master.getBuild(id);
  }
  await canceling;
  return build;
}

function lostIn(atoms: readonly Atom[]): number {
  return atoms.filter(({ outcome }) => outcome === 'LOST').length;
}

const rank = { NOT_STARTED: 0, IN_PROGRESS: 1, COMPLETED: 2 };

function requireForward(before: readonly Atom[], after: readonly Atom[]): void {
  after.forEach((atom, index) => {
    const earlier = before[index];
    const shown = `atom ${atom.id}: ${JSON.stringify(earlier)} became ${JSON.stringify(atom)}`;
    expect(rank[atom.state], shown).to.be.at.least(rank[earlier?.state ?? 'NOT_STARTED']);
    if (earlier?.exit_code !== null && earlier !== undefined) {
      expect(atom.exit_code, shown).to.be.a('number');
    }
    if (earlier?.outcome === 'FAILED' || earlier?.outcome === 'PASSED') {
      // A failed atom that runs again is not final any more, and keeps its exit code meanwhile.
      expect(atom.exit_code === earlier.exit_code || atom.num_retries > 0, shown).to.equal(true);
    }
  });
}

function requireSettled(atoms: readonly Atom[]): void {
  for (const { state, outcome, exit_code } of atoms) {
    const expected =
      exit_code === null ? [null, 'INTERRUPTED', 'LOST'] : [exit_code === 0 ? 'PASSED' : 'FAILED'];
    expect(expected, `${state} with exit code ${exit_code}`).to.include(outcome);
    expect(outcome === null, `outcome ${outcome} in state ${state}`).to.equal(state === 'NOT_STARTED');
  }
}

/** Expects the folder of an atom with the exit code of each run that counts. */
function requireFolders(atoms: readonly Atom[], files: Readonly<Record<string, string>>): void {
  for (const { id, subjob_id, outcome, exit_code, num_retries } of atoms) {
    const ended = Object.keys(files).filter((name) =>
      new RegExp(`^artifact_\\d+_${id}/clusterrunner_exit_code$`).test(name),
    );
    const hasVerdict = outcome === 'PASSED' || outcome === 'FAILED';
    const shown = `atom ${id} of subjob ${subjob_id}: ${outcome}, ${num_retries} retries, ${ended.join(' ')}`;
    expect(ended.length, shown).to.equal((hasVerdict ? 1 : 0) + num_retries);
    if (hasVerdict) {
      expect(files[`${atomFolder(subjob_id, id)}/clusterrunner_exit_code`], shown).to.equal(`${exit_code}\n`);
    }
  }
}

/** Path to content of all files in the results of an ended build. */
async function resultsOf(harness: MasterHarness, build: BuildId): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const file of (await harness.master.archiveContents(build))?.files ?? []) {
    for await (const entry of createReadStream(file).pipe(createGunzip()).pipe(extract())) {
      const content = await text(entry);
      if (entry.header.type === 'file') {
        expect(found, file).to.not.have.property(entry.header.name);
        found[entry.header.name] = content;
      }
    }
  }
  return found;
}

/** A build whose first subjob, with `atoms` atoms, runs on a slave. */
async function begun(harness: MasterHarness, atoms = ATOMS, extra: { retries?: number } = {}) {
  const build = await harness.master.createBuild(directoryBuild);
  const runner = new Runner(harness, await harness.slave());
  await runner.slave.prepare(atoms, { atom_timeout: 1000, ...extra });
  await runner.take();
  return { build, runner };
}

/** A slave that runs the atoms of one subjob in order, and reports each step. */
class Runner {
  slave: TestSlave;
  readonly #harness: MasterHarness;
  #running: RunAssignment | null = null;
  #ended: number[] = [];
  #hasBegun = false;

  constructor(harness: MasterHarness, slave: TestSlave) {
    this.#harness = harness;
    this.slave = slave;
  }

  async act(what: string, exitCode: number): Promise<void> {
    switch (what) {
      case 'begin':
        return this.begin();
      case 'end':
        return this.end(exitCode);
      case 'deliver':
        return this.deliver();
      case 'lose':
        return this.lose();
      case 'stop':
        return this.stop();
      case 'leave':
        await this.#harness.master.goodbyeSlave(this.slave.id);
        return this.#replace();
      default:
        return this.#harness.restart();
    }
  }

  async take(): Promise<void> {
    const { assignments } = await this.slave.ask();
    const [run] = assignments.filter((one) => one.kind === 'run');
    this.#running = run ?? null;
    this.#ended = [];
    this.#hasBegun = false;
  }

  /** `says` is at byte `offset` of the console. */
  async begin(says = '', offset = 0): Promise<void> {
    await this.#report('IN_PROGRESS', null, says, offset);
  }

  async end(exitCode: number, says = ''): Promise<void> {
    await this.#report('COMPLETED', exitCode, says);
  }

  async deliver(): Promise<void> {
    if (this.#running === null) {
      return this.take();
    }
    const failing = this.#running.atoms.flatMap(({ id }, n) => ((this.#ended[n] ?? 0) === 0 ? [] : [id]));
    await this.slave.deliver(this.#running, { failing, content: await this.#archive(failing) });
    this.#running = null;
    this.slave.leases.clear();
  }

  async endEarly(end: End): Promise<void> {
    const running = this.#running;
    if (running === null || end === 'stays away' || end === 'restarts') {
      return;
    }
    if (end === 'is lost') {
      return this.lose();
    }
    const { interrupt, cancel } = await this.slave.ask({ free_executors: 0 });
    if (cancel.length > 0 || interrupt === undefined) {
      return;
    }
    const { lease, build_id, subjob_id } = running;
    expect(interrupt).to.deep.equal([lease]);
    if (end === 'returns') {
      const handback = { lease, reason: 'stopping', output: '' } as const;
      return this.#harness.master.returnLease(this.slave.id, build_id, subjob_id, handback);
    }
    await this.#deliverPart(running);
  }

  /** Its slave stops, and delivers the finished atoms; without any it delivers nothing. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === null || this.#ended.length === 0 || this.#ended.length === running.atoms.length) {
      return;
    }
    await this.#deliverPart(running);
    this.slave.leases.clear();
    await this.#replace();
  }

  async #deliverPart(running: RunAssignment): Promise<void> {
    const unfinished = running.atoms
      .slice(this.#ended.length)
      .map(({ id }, place) => ({ id, ran_for: place === 0 && this.#hasBegun ? 2 : null }));
    const failing = running.atoms.flatMap(({ id }, n) => ((this.#ended[n] ?? 0) === 0 ? [] : [id]));
    const content = await this.#archive(failing, unfinished);
    await this.slave.deliver(running, { failing, unfinished, content });
  }

  async #archive(failing: readonly number[], unfinished: readonly { readonly id: number }[] = []) {
    const { subjob_id, atoms } = this.#running ?? expect.fail('Nothing runs.');
    const cut = new Set(unfinished.map(({ id }) => id));
    return subjobArchive(
      Object.fromEntries(
        atoms.flatMap(({ id }) => {
          const folder = atomFolder(subjob_id, id);
          const code = failing.includes(id) ? 1 : 0;
          return cut.has(id) ? [] : [[`${folder}/clusterrunner_exit_code`, `${code}\n`]];
        }),
      ),
    );
  }

  async lose(): Promise<void> {
    await this.#harness.master.registerSlave({
      name: 'next',
      instance: `next-to-${this.slave.instance}`,
      num_executors: 1,
      url: null,
      version: '1.0.0',
      protocol: PROTOCOL,
      replaces: this.slave.instance,
    });
    await this.#replace();
  }

  async #replace(): Promise<void> {
    this.slave = await this.#harness.slave();
    this.#running = null;
  }

  async #report(
    state: 'IN_PROGRESS' | 'COMPLETED',
    exitCode: number | null,
    says: string,
    offset = 0,
  ): Promise<void> {
    const atom = this.#running?.atoms[this.#ended.length];
    if (this.#running === null || atom === undefined) {
      return this.#running === null ? this.take() : undefined;
    }
    const { build_id, subjob_id, lease } = this.#running;
    await this.#harness.master.reportProgress(this.slave.id, build_id, subjob_id, {
      lease,
      atoms: [{ id: atom.id, state, exit_code: exitCode, actual_time: exitCode === null ? null : 1 }],
      consoles:
        says === '' ? [] : [{ atom_id: atom.id, offset, content: Buffer.from(says).toString('base64') }],
    });
    this.#hasBegun = exitCode === null;
    if (exitCode !== null) {
      this.#ended.push(exitCode);
    }
  }
}
