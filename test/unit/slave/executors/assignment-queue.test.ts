import { expect } from 'chai';
import { toId } from '../../../../src/protocol/ids.js';
import type { PrepareAssignment } from '../../../../src/protocol/slave/slave-messages.js';
import { AssignmentQueue } from '../../../../src/slave/executors/assignment-queue.js';
import { PREFETCH_MS } from '../../../../src/slave/executors/prefetcher.js';
import { ManualClock } from '../../../support/manual-clock.js';

function assignment(id: number): PrepareAssignment {
  return {
    kind: 'prepare',
    lease: { lease_id: toId.lease(id), attempt: toId.attempt(1) },
    build_id: toId.build(1),
    project: { type: 'directory', project_directory: '/p' },
    remote_files: [],
    job_name: null,
    config: null,
    atoms_override: null,
  };
}

describe('assignments that wait for an executor', () => {
  const [one, two] = [assignment(1), assignment(2)];
  let clock: ManualClock;
  let given: { lease: number; signal: AbortSignal }[];
  let answer: () => void;
  let changes: number;
  let waiting: AssignmentQueue;
  beforeEach(() => {
    clock = new ManualClock();
    given = [];
    changes = 0;
    const leaseReturns = {
      tryReturnLease: (
        { lease }: { lease: { lease_id: number } },
        _why: string,
        _output: string,
        signal: AbortSignal,
      ) => {
        given.push({ lease: lease.lease_id, signal });
        return new Promise<void>((resolve) => {
          answer = resolve;
        });
      },
    };
    waiting = new AssignmentQueue(clock, leaseReturns, () => {
      changes += 1;
    });
    waiting.add(one);
    waiting.add(two);
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const pass = async () => {
    clock.advance(PREFETCH_MS + 1_000);
    await turn();
  };

  it('are taken in their order, and then given back no more', async () => {
    expect([waiting.take(), waiting.take(), waiting.take()]).to.deep.equal([one, two, undefined]);
    await pass();
    expect(given).to.deep.equal([]);
    expect(clock.sleeping).to.equal(0);
  });

  it('go back after a while, and are named until the master has them', async () => {
    waiting.take();
    await pass();
    expect(given.map(({ lease }) => lease)).to.deep.equal([2]);
    expect([waiting.size, waiting.refs()]).to.deep.equal([0, [two.lease]]);
    answer();
    await turn();
    expect([waiting.refs(), changes]).to.deep.equal([[], 1]);
  });

  it('are dropped when their lease is over', async () => {
    expect([waiting.drop(one.lease), waiting.drop(one.lease)]).to.deep.equal([one, undefined]);
    expect(waiting.refs()).to.deep.equal([two.lease]);
  });

  it('are given back by nobody any more when the slave stops', async () => {
    await pass();
    expect(given).to.have.length(2);
    expect(waiting.takeAll()).to.deep.equal([]);
    expect(given.every(({ signal }) => signal.aborted)).to.equal(true);
  });
});
