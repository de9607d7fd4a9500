import { setMaxListeners } from 'node:events';
import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import { pino } from 'pino';
import { systemClock } from '../../../../src/lib/clock.js';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { toId } from '../../../../src/protocol/ids.js';
import {
  type WorkAnswer,
  type WorkRequest,
  WorkRequestSchema,
} from '../../../../src/protocol/slave/slave-messages.js';
import { Session } from '../../../../src/slave/link/session.js';
import { type Capacity, WorkPoller } from '../../../../src/slave/link/master-link.js';
import { noWork } from '../../../support/fake-service.js';
import { until } from '../../../support/until.js';

const log = pino({ level: 'silent' });

/** Keeps every question open until it is aborted, or a test settles it. */
class SilentSession extends Session {
  readonly asked: WorkRequest[] = [];
  readonly #answers = new Map<number, (answer: WorkAnswer | Error) => void>();

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
      this.asked.push(request);
      setMaxListeners(0, ...(options?.signal ? [options.signal] : []));
      return new Promise((resolve, reject) => {
        this.#answers.set(request.poll, (answer) =>
          answer instanceof Error ? reject(answer) : resolve(answer),
        );
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true });
      });
    };
  }

  /** Of the question of that number. */
  answer(poll: number, answer: WorkAnswer | Error): void {
    this.#answers.get(poll)?.(answer);
  }

  override callOnce<T>(call: Parameters<Session['callOnce']>[0], signal: AbortSignal): Promise<T>;
  override async callOnce(call: Parameters<Session['callOnce']>[0], signal: AbortSignal): Promise<unknown> {
    return call(toId.slave(1), { signal });
  }
}

describe('the question for work', () => {
  it('stays one that the master takes, however many are open at a master that hangs', async () => {
    const session = new SilentSession();
    let free = 0;
    const loop = new WorkPoller({
      session,
      clock: systemClock,
      random: Math.random,
      log,
      standing: () => {
        free += 1;
        return { free_executors: free, leases: [], builds: [] };
      },
      onAnswer: () => undefined,
    });
    for (let changes = 0; changes < 150; changes += 1) {
      loop.ask();
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    }
    await loop.stop();
    await session.client.close();
    expect(session.asked).to.have.length(100);
    expect(session.asked.every((request) => Value.Check(WorkRequestSchema, request))).to.equal(true);
  });

  const lease = { lease_id: toId.lease(1), attempt: toId.attempt(1) };
  const other = { lease_id: toId.lease(2), attempt: toId.attempt(1) };
  const third = { lease_id: toId.lease(3), attempt: toId.attempt(1) };
  const standing = { free_executors: 1, ahead: 0, leases: [lease, other], builds: [toId.build(1)] };
  const cases = [
    { what: 'an executor is free', now: { ...standing, free_executors: 2 }, asks: true },
    { what: 'an executor will soon be free', now: { ...standing, ahead: 1 }, asks: true },
    {
      what: 'an older question brought a lease',
      now: { ...standing, leases: [lease, other, third] },
      asks: true,
    },
    { what: 'it has nothing left', now: { ...standing, leases: [] }, asks: true },
    { what: 'a build is gone', now: { ...standing, builds: [] }, asks: true },
    { what: 'it takes no more work', now: { ...standing, paused: 'full' }, asks: true },
    { what: 'one of its leases has ended', now: { ...standing, leases: [other] }, asks: false },
    { what: 'an executor is taken', now: { ...standing, free_executors: 0 }, asks: false },
  ];
  for (const { what, now, asks } of cases) {
    it(`is ${asks ? 'asked anew' : 'left as it is'} when ${what}`, async () => {
      const session = new SilentSession();
      let is: Capacity = standing;
      const loop = new WorkPoller({
        session,
        clock: systemClock,
        random: Math.random,
        log,
        standing: () => is,
        onAnswer: () => undefined,
      });
      const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      loop.ask();
      await turn();
      is = now;
      loop.ask();
      await turn();
      await loop.stop();
      await session.client.close();
      expect(session.asked).to.have.length(asks ? 2 : 1);
    });
  }

  describe('of which an older one brings work', () => {
    const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    let session: SilentSession;
    let is: Capacity;
    let loop: WorkPoller;
    /** Asks for two executors, then for three, and the answer to the first brings one. */
    beforeEach(async () => {
      session = new SilentSession();
      is = { free_executors: 2, ahead: 0, leases: [], builds: [] };
      loop = new WorkPoller({
        session,
        clock: systemClock,
        random: () => 0,
        log,
        standing: () => is,
        onAnswer: ({ assignments }) => {
          is = {
            ...is,
            free_executors: is.free_executors - assignments.length,
            leases: [...is.leases, ...assignments.map((one) => one.lease)],
            builds: [toId.build(1)],
          };
        },
      });
      loop.ask();
      await turn();
      is = { ...is, free_executors: 3 };
      loop.ask();
      await turn();
    });
    afterEach(async () => {
      await loop.stop();
      await session.client.close();
    });

    it('is not sent again, as the master knows what it gave', async () => {
      expect(session.asked.map(({ open_polls }) => open_polls)).to.deep.equal([[], [1]]);
      session.answer(1, bringing);
      await turn();
      loop.ask();
      await turn();
      expect(session.asked).to.have.length(2);
    });

    it('is sent again as soon as more executors are free than were left', async () => {
      session.answer(1, bringing);
      await turn();
      is = { ...is, free_executors: is.free_executors + 1 };
      loop.ask();
      await turn();
      expect(session.asked).to.have.length(3);
      expect(session.asked[2]).to.deep.include({ free_executors: 3, leases: [lease], open_polls: [2] });
    });

    it('is sent again when an older one broke, whose work would else be missed by nobody', async () => {
      session.answer(1, new ClusterRunnerError('MASTER_UNREACHABLE', 'Cut.'));
      await until(() => session.asked.length === 3);
      expect(session.asked[2]).to.deep.include({ free_executors: 3, leases: [], open_polls: [2] });
    });

    it('tells again what happened to atoms when it was not answered', async () => {
      const atoms = [{ id: toId.atom(0), state: 'IN_PROGRESS' as const, exit_code: null, actual_time: null }];
      const progress = { build_id: toId.build(1), subjob_id: toId.subjob(0), lease, atoms };
      session.progress.put(progress);
      session.progress.markDue(lease);
      await turn();
      expect(session.asked[2]?.progress).to.deep.equal([progress]);
      session.answer(3, new ClusterRunnerError('MASTER_UNREACHABLE', 'Cut.'));
      await until(() => session.asked.length === 4);
      expect(session.asked[3]?.progress).to.deep.equal([progress]);
    });
  });

  const bringing: WorkAnswer = {
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
});
