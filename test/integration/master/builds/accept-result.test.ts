import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { toId } from '../../../../src/protocol/ids.js';
import type { RunAssignment } from '../../../../src/protocol/slave/slave-messages.js';
import { directoryBuild, MasterHarness, refused, type TestSlave } from '../../../support/master-harness.js';
import { ranIn } from '../../../support/ran-in.js';
import { until } from '../../../support/until.js';

describe('a result on the master', () => {
  let harness: MasterHarness;
  let slave: TestSlave;
  let assignment: RunAssignment;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    await harness.master.createBuild(directoryBuild);
    slave = await harness.slave();
    await slave.prepare(2);
    assignment = await slave.take();
  });
  afterEach(() => harness.close());

  const file = () => join(harness.directory, 'results', '1', `${assignment.subjob_id}.tar.gz`);

  it('is kept under the number of its build and subjob', async () => {
    await slave.deliver(assignment, { content: 'first' });
    expect(readFileSync(file(), 'utf8')).to.equal('first');
    expect((await harness.master.getBuild(assignment.build_id)).num_atoms_done).to.equal(1);
  });

  it('is accepted again without any change', async () => {
    await slave.deliver(assignment, { content: 'first' });
    await slave.deliver(assignment, { content: 'second', failing: [0, 1] });
    expect(readFileSync(file(), 'utf8')).to.equal('first');
    expect(await harness.master.getBuild(assignment.build_id)).to.include({
      num_atoms_done: 1,
      num_atoms_failed: 0,
    });
    harness.master.checkResultLease(slave.id, assignment.build_id, assignment.subjob_id, assignment.lease);
  });

  it('is accepted once when it arrives twice at the same time', async () => {
    await Promise.all([slave.deliver(assignment), slave.deliver(assignment), slave.deliver(assignment)]);
    expect((await harness.master.getBuild(assignment.build_id)).num_atoms_done).to.equal(1);
  });

  it('is accepted again after the build has ended', async () => {
    await slave.deliver(assignment);
    const last = await slave.take();
    await slave.deliver(last);
    await slave.deliver(last);
    expect((await harness.master.getBuild(last.build_id)).num_atoms_done).to.equal(2);
  });

  it('leaves no temporary file behind', async () => {
    await slave.deliver(assignment);
    await slave.deliver(assignment);
    expect(existsSync(join(harness.directory, '1.incoming'))).to.equal(false);
    expect(existsSync(join(harness.directory, '2.incoming'))).to.equal(false);
  });

  it('needs a verdict for each atom of the subjob and no other', async () => {
    const { build_id, subjob_id, lease } = assignment;
    const index = { members: [], consoles: [] };
    for (const ids of [[7], [0, 0], [0, 1]]) {
      const atoms = ids.map((id) => ({ id: toId.atom(id), exit_code: 0, actual_time: 1 }));
      await refused(
        harness.master.acceptResult(
          slave.id,
          build_id,
          subjob_id,
          { lease, atoms, ran_in: ranIn, index },
          harness.archive(),
        ),
        'INVALID_REQUEST',
      );
    }
    expect(existsSync(file())).to.equal(false);
    await slave.deliver(assignment);
  });

  it('is refused for a build or subjob that does not exist', async () => {
    const nowhere = { ...assignment, build_id: toId.build(99) };
    await refused(slave.deliver(nowhere), 'NOT_FOUND');
    await refused(slave.deliver({ ...assignment, subjob_id: toId.subjob(99) }), 'NOT_FOUND');
  });

  it('teaches how long atoms take, so that the next build starts with the longest', async () => {
    const { master } = harness;
    await slave.deliver(assignment, { seconds: 1 });
    await slave.deliver(await slave.take(), { seconds: 30 });
    const id = await master.createBuild(directoryBuild);
    await slave.prepare(2);
    expect((await slave.take()).atoms.map(({ value }) => value)).to.deep.equal(['2']);
    const { atoms } = await master.listAtoms(id, null, { offset: 0, limit: 10 });
    expect(atoms.map(({ expected_time }) => expected_time)).to.deep.equal([1, 30]);
    expect((await master.getBuild(id)).seconds_left).to.equal(31);
  });

  it('has a console while its atom runs and after', async () => {
    const { master } = harness;
    const [atom] = assignment.atoms;
    if (atom === undefined) {
      throw new Error('A subjob has atoms.');
    }
    const { build_id, subjob_id, lease } = assignment;
    const piece = (offset: number, text: string) =>
      master.reportProgress(slave.id, build_id, subjob_id, {
        lease,
        atoms: [{ id: atom.id, state: 'IN_PROGRESS', exit_code: null, actual_time: null }],
        consoles: [{ atom_id: atom.id, offset, content: Buffer.from(text).toString('base64') }],
      });
    const read = () => master.readConsole(build_id, atom.id, { offsetLine: null, maxLines: 10 });
    expect((await read()).content).to.equal('');
    await piece(0, 'one\n');
    await piece(0, 'one\n');
    await piece(4, 'two\n');
    expect((await read()).content).to.equal('one\ntwo\n');
    expect((await master.getAtom(build_id, atom.id)).state).to.equal('IN_PROGRESS');
    const archive = gzipSync('one\ntwo\nthree\n');
    const console = { atom_id: atom.id, offset: 0, bytes: 14, lines: 3, marks: [] };
    await slave.deliver(assignment, {
      content: archive,
      index: { members: [archive.length], consoles: [console] },
    });
    expect(await read()).to.deep.equal({
      offset_line: 0,
      num_lines: 3,
      total_num_lines: 3,
      content: 'one\ntwo\nthree\n',
    });
  });

  it('writes events to the log', async () => {
    await slave.deliver(assignment);
    await slave.deliver(await slave.take());
    const events = await harness.master.listEvents({ id: 0, timestamp: 0, limit: 100 });
    expect(events.map(({ tag }) => tag)).to.deep.equal([
      'BUILD_CREATED',
      'SLAVE_CONNECTED',
      'BUILD_PREPARED',
      'SUBJOB_LEASED',
      'SUBJOB_DONE',
      'SUBJOB_LEASED',
      'SUBJOB_DONE',
      'BUILD_ENDED',
    ]);
    expect(events.at(-1)?.data).to.deep.equal({ build_id: 1, state: 'FINISHED', result: 'SUCCESS' });
  });

  it('wakes those who wait for the end of the build', async () => {
    const { master } = harness;
    const { signal } = new AbortController();
    const ended = master.untilChanged(assignment.build_id, 'end', 60_000, signal);
    await slave.deliver(assignment);
    await slave.deliver(await slave.take());
    await ended;
    expect((await master.getBuild(assignment.build_id)).state).to.equal('FINISHED');
  });

  it('reaches the followers of events', async () => {
    const end = new AbortController();
    const tags: string[] = [];
    const following = (async () => {
      for await (const batch of harness.master.followEvents(0, end.signal)) {
        tags.push(...batch.map(({ tag }) => tag));
        if (tags.includes('BUILD_ENDED')) {
          return;
        }
      }
    })();
    await slave.deliver(assignment);
    await slave.deliver(await slave.take());
    await following;
    end.abort();
    expect(tags).to.include('SUBJOB_DONE');
  });

  it('reaches many followers of events together: each event once, in order, and read once for all', async () => {
    const end = new AbortController();
    const batches = new Set<unknown>();
    let received = 0;
    const follow = async () => {
      const ids: number[] = [];
      for await (const batch of harness.master.followEvents(0, end.signal)) {
        batches.add(batch);
        received += 1;
        ids.push(...batch.map(({ id }) => id));
        if (batch.some(({ tag }) => tag === 'BUILD_ENDED')) {
          break;
        }
      }
      return ids;
    };
    const following = Array.from({ length: 10 }, follow);
    await slave.deliver(assignment);
    await slave.deliver(await slave.take());
    const all = await Promise.all(following);
    end.abort();
    const [first = []] = all;
    expect(first).to.deep.equal(first.map((_, at) => at + 1));
    for (const ids of all) {
      expect(ids).to.deep.equal(first);
    }
    expect(batches.size).to.be.at.most(received / 5);
  });

  it('reaches more than ten followers of events in rounds, without loss or repetition', async () => {
    const follow = async () => {
      const ids: number[] = [];
      for await (const batch of harness.master.followEvents(0, new AbortController().signal)) {
        ids.push(...batch.map(({ id }) => id));
        if (batch.some(({ tag }) => tag === 'BUILD_ENDED')) {
          break;
        }
      }
      return ids;
    };
    let isOver = false;
    const following = Promise.all(Array.from({ length: 25 }, follow)).finally(() => {
      isOver = true;
    });
    await slave.deliver(assignment);
    await slave.deliver(await slave.take());
    await until(() => {
      // Rounds are measured by the clock of the master.
      harness.clock.advance(30);
      return isOver;
    });
    for (const ids of await following) {
      expect(ids).to.deep.equal(ids.map((_, at) => at + 1));
    }
  });
});
