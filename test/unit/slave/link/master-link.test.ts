import { setMaxListeners } from 'node:events';
import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import { pino } from 'pino';
import { systemClock } from '../../../../src/lib/clock.js';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { toId } from '../../../../src/protocol/ids.js';
import {
  type WorkRequest,
  WorkRequestSchema,
  type WorkResponse,
} from '../../../../src/protocol/slave/slave-messages.js';
import { type Capacity, MAX_OPEN_POLLS, MasterLink } from '../../../../src/slave/link/master-link.js';
import { Session } from '../../../../src/slave/link/session.js';
import { noWork } from '../../../support/fake-service.js';
import { until } from '../../../support/until.js';

const log = pino({ level: 'silent' });

/** Holds every poll until it is aborted, or a test responds to it. */
class SilentSession extends Session {
  readonly polls: WorkRequest[] = [];
  readonly #responses = new Map<number, (response: WorkResponse | Error) => void>();

  constructor() {
    const options = {
      name: 'tester',
      numExecutors: 1,
      url: null,
      clock: systemClock,
      random: Math.random,
      log,
    };
    super({ ...options, masterUrl: 'http://127.0.0.1:1', secret: 'a secret of the tests' });
    this.client.askForWork = (_slave, request, options) => {
      this.polls.push(request);
      setMaxListeners(0, ...(options?.signal ? [options.signal] : []));
      return new Promise((resolve, reject) => {
        this.#responses.set(request.poll, (response) =>
          response instanceof Error ? reject(response) : resolve(response),
        );
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true });
      });
    };
  }

  /** Responds to the poll with that number, or breaks it. */
  respond(poll: number, response: WorkResponse | Error): void {
    this.#responses.get(poll)?.(response);
  }

  override callOnce<T>(call: Parameters<Session['callOnce']>[0], signal: AbortSignal): Promise<T>;
  override async callOnce(call: Parameters<Session['callOnce']>[0], signal: AbortSignal): Promise<unknown> {
    return call(toId.slave(1), { signal });
  }
}

const lease = { lease_id: toId.lease(1), attempt: toId.attempt(1) };
const other = { lease_id: toId.lease(2), attempt: toId.attempt(1) };
const third = { lease_id: toId.lease(3), attempt: toId.attempt(1) };
const assigning: WorkResponse = {
  ...noWork,
  assignments: [
    {
      kind: 'prepare',
      lease,
      build_id: toId.build(1),
      project: { type: 'directory', project_directory: '/project' },
      remote_files: [],
      job_name: null,
      config: null,
      atoms_override: null,
    },
  ],
};
const cut = new ClusterRunnerError('MASTER_UNREACHABLE', 'Cut.');

/** See master-link-model.test.ts for what holds in any order of events. */
describe('MasterLink', () => {
  let session: SilentSession;
  let now: Capacity;
  let link: MasterLink;
  let drained: number;
  beforeEach(() => {
    session = new SilentSession();
    now = { free_executors: 2, ahead: 0, leases: [], builds: [] };
    drained = 0;
    link = new MasterLink({
      session,
      clock: systemClock,
      random: () => 0,
      log,
      target: {
        capacity: () => now,
        start: (one) => {
          now = {
            ...now,
            free_executors: now.free_executors - 1,
            leases: [...now.leases, one.lease],
            builds: [one.build_id],
          };
        },
        cancel: () => undefined,
        interrupt: () => undefined,
        release: () => undefined,
        isIdle: () => now.leases.length === 0,
        drained: () => {
          drained += 1;
        },
      },
    });
  });
  afterEach(async () => {
    await link.stop();
    await session.client.close();
  });
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const change = async (to: Partial<Capacity>) => {
    now = { ...now, ...to };
    link.update();
    await turn();
  };

  it(`keeps at most ${MAX_OPEN_POLLS} polls open at a master that hangs`, async () => {
    for (let changes = 0; changes < MAX_OPEN_POLLS + 50; changes += 1) {
      await change({ free_executors: changes });
    }
    expect(session.polls).to.have.length(MAX_OPEN_POLLS);
    expect(session.polls.every((request) => Value.Check(WorkRequestSchema, request))).to.equal(true);
  });

  describe('with a poll open', () => {
    const before = { free_executors: 1, ahead: 0, leases: [lease, other], builds: [toId.build(1)] };
    const cases = [
      { what: 'an executor is free', to: { free_executors: 2 }, polls: true },
      { what: 'an executor will soon be free', to: { ahead: 1 }, polls: true },
      { what: 'it holds a lease that no poll has named', to: { leases: [lease, other, third] }, polls: true },
      { what: 'it has nothing left', to: { leases: [] }, polls: true },
      { what: 'a build is gone', to: { builds: [] }, polls: true },
      { what: 'it takes no more work', to: { paused: 'full' }, polls: true },
      { what: 'one of its leases has ended', to: { leases: [other] }, polls: false },
      { what: 'an executor is taken', to: { free_executors: 0 }, polls: false },
    ];
    for (const { what, to, polls } of cases) {
      it(`${polls ? 'sends a newer one' : 'sends no other'} when ${what}`, async () => {
        await change(before);
        await change(to);
        expect(session.polls).to.have.length(polls ? 2 : 1);
      });
    }
  });

  it('offers no executor from a drain on, and is drained when nothing is left', async () => {
    await change({ leases: [lease] });
    link.drain();
    await turn();
    expect(session.polls[1]).to.deep.include({ free_executors: 0, ahead: 0, leases: [lease] });
    expect(drained).to.equal(0);
    await change({ leases: [] });
    link.update();
    expect([drained, session.polls.length]).to.deep.equal([1, 2]);
  });

  describe('with an older poll open beside the newest', () => {
    beforeEach(async () => {
      await change({});
      await change({ free_executors: 3 });
      expect(session.polls.map(({ open_polls }) => open_polls)).to.deep.equal([[], [1]]);
    });

    it('does not poll again when the older one assigns work: the master counts it as named', async () => {
      session.respond(1, assigning);
      await turn();
      await change({});
      expect(session.polls).to.have.length(2);
    });

    it('polls again as soon as more executors are free than the assigned work has left', async () => {
      session.respond(1, assigning);
      await turn();
      await change({ free_executors: now.free_executors + 1 });
      expect(session.polls).to.have.length(3);
      expect(session.polls[2]).to.deep.include({ free_executors: 3, leases: [lease], open_polls: [2] });
    });

    it('polls again when the older one breaks, so that the master notices work that was lost with it', async () => {
      session.respond(1, cut);
      await until(() => session.polls.length === 3);
      expect(session.polls[2]).to.deep.include({ free_executors: 3, leases: [], open_polls: [2] });
    });

    it('does not start a lease whose end the newer response has announced before', async () => {
      session.respond(2, { ...noWork, cancel: [lease] });
      await turn();
      session.respond(1, assigning);
      await turn();
      expect(now.leases).to.deep.equal([]);
    });

    it('sends what changes meanwhile after the next response, in one poll', async () => {
      await change({ free_executors: 3 });
      await change({ free_executors: 4 });
      expect(session.polls).to.have.length(2);
      session.respond(1, noWork);
      await turn();
      expect(session.polls).to.have.length(3);
      expect(session.polls[2]).to.deep.include({ free_executors: 4, open_polls: [2] });
    });

    it('repeats the progress that a broken poll carried', async () => {
      const atoms = [{ id: toId.atom(0), state: 'IN_PROGRESS' as const, exit_code: null, actual_time: null }];
      const progress = { build_id: toId.build(1), subjob_id: toId.subjob(0), lease, atoms };
      session.respond(1, noWork);
      await turn();
      link.progress.add(progress);
      link.progress.markDue(lease);
      await turn();
      expect(session.polls[2]?.progress).to.deep.equal([progress]);
      session.respond(3, cut);
      await until(() => session.polls.length === 4);
      expect(session.polls[3]?.progress).to.deep.equal([progress]);
    });
  });
});
