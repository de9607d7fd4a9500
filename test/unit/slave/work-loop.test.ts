import { setMaxListeners } from 'node:events';
import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import { pino } from 'pino';
import { systemClock } from '../../../src/lib/clock.js';
import { toId } from '../../../src/protocol/ids.js';
import { type WorkRequest, WorkRequestSchema } from '../../../src/protocol/slave.js';
import { Session } from '../../../src/slave/session.js';
import { type Standing, WorkLoop } from '../../../src/slave/work-loop.js';

const log = pino({ level: 'silent' });

/** Keeps every question open until it is aborted. */
class SilentSession extends Session {
  readonly asked: WorkRequest[] = [];

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
      return new Promise((_, reject) => {
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true });
      });
    };
  }

  override once<T>(call: Parameters<Session['once']>[0], signal: AbortSignal): Promise<T>;
  override async once(call: Parameters<Session['once']>[0], signal: AbortSignal): Promise<unknown> {
    return call(toId.slave(1), { signal });
  }
}

describe('the question for work', () => {
  it('stays one that the master takes, however many are open at a master that hangs', async () => {
    const session = new SilentSession();
    let free = 0;
    const loop = new WorkLoop({
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
      let is: Standing = standing;
      const loop = new WorkLoop({
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
});
