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

describe('AssignmentQueue', () => {
  const [one, two] = [assignment(1), assignment(2)];
  let clock: ManualClock;
  let returns: { lease: number; signal: AbortSignal }[];
  let acknowledge: () => void;
  let returned: number;
  let queue: AssignmentQueue;
  beforeEach(() => {
    clock = new ManualClock();
    returns = [];
    returned = 0;
    const leaseReturns = {
      tryReturnLease: (
        { lease }: { lease: { lease_id: number } },
        _why: string,
        _output: string,
        signal: AbortSignal,
      ) => {
        returns.push({ lease: lease.lease_id, signal });
        return new Promise<void>((resolve) => {
          acknowledge = resolve;
        });
      },
    };
    queue = new AssignmentQueue(clock, leaseReturns, () => {
      returned += 1;
    });
    queue.add(one);
    queue.add(two);
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const pass = async () => {
    clock.advance(PREFETCH_MS + 1_000);
    await turn();
  };

  it('gives assignments in the order of their arrival, and does not return those that were taken', async () => {
    clock.advance(1);
    expect([queue.take(), queue.take(), queue.take()]).to.deep.equal([
      { assignment: one, arrivedAt: 0 },
      { assignment: two, arrivedAt: 0 },
      undefined,
    ]);
    await pass();
    expect(returns).to.deep.equal([]);
    expect(clock.sleeping).to.equal(0);
  });

  it('returns an assignment that was not taken in time, and names it until the master has acknowledged that', async () => {
    queue.take();
    await pass();
    expect(returns.map(({ lease }) => lease)).to.deep.equal([2]);
    expect([queue.size, queue.refs()]).to.deep.equal([0, [two.lease]]);
    acknowledge();
    await turn();
    expect([queue.refs(), returned]).to.deep.equal([[], 1]);
  });

  it('drops an assignment whose lease is over', async () => {
    expect([queue.drop(one.lease), queue.drop(one.lease)]).to.deep.equal([one, undefined]);
    expect(queue.refs()).to.deep.equal([two.lease]);
  });

  it('aborts the returns that are under way when the slave stops', async () => {
    await pass();
    expect(returns).to.have.length(2);
    expect(queue.takeAll()).to.deep.equal([]);
    expect(returns.every(({ signal }) => signal.aborted)).to.equal(true);
  });
});
