import { expect } from 'chai';
import fc from 'fast-check';
import {
  nextWorkerState,
  type WorkerEvent,
  type WorkerOutcome,
  type WorkerState,
} from '../../../../src/process/worker/worker-state.js';

type Message = Extract<WorkerEvent, { kind: 'message' }>['message'];

/** Mostly what a worker that keeps to the protocol does next, for which `proper` stands. */
const plan = fc.record({
  what: fc.oneof(
    { weight: 20, arbitrary: fc.constant('proper' as const) },
    {
      weight: 3,
      arbitrary: fc.constantFrom('ready' as const, 'begun' as const, 'ended' as const, 'request' as const),
    },
    { weight: 1, arbitrary: fc.constantFrom('fault' as const, 'dismissed' as const) },
  ),
  protocol: fc.constantFrom(1, 1, 1, 1, 2),
  isolation: fc.constantFrom('process' as const, 'none' as const),
  /** Added to the number of the current request. */
  off: fc.constantFrom(0, 0, 0, 0, 0, 0, -1, 1),
  namesProcess: fc.constantFrom('as it must', 'as it must', 'as it must', 'wrongly'),
  exitCode: fc.constantFrom(0, 1, 7),
  isOwnProcess: fc.constantFrom(true, true, true, true, true, false),
  isAtomReaped: fc.constantFrom(true, true, true, true, true, false),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;
const plans = fc.array(plan, { maxLength: 40 });

const properNext = {
  starting: 'ready',
  idle: 'request',
  asked: 'begun',
  running: 'ended',
  over: 'ended',
} as const;

function eventOf(one: Plan, state: WorkerState, requests: number): WorkerEvent {
  const what = one.what === 'proper' ? properNext[state.kind] : one.what;
  const request = Math.max(1, requests + one.off);
  const heard = (message: Message): WorkerEvent => ({
    kind: 'message',
    message,
    isOwnProcess: one.isOwnProcess,
    isAtomReaped: one.isAtomReaped,
  });
  switch (what) {
    case 'ready':
      return heard({ kind: 'ready', protocol: one.protocol, isolation: one.isolation });
    case 'begun': {
      const isolation = 'isolation' in state ? state.isolation : 'none';
      const hasProcess = (isolation === 'process') === (one.namesProcess === 'as it must');
      return heard({ kind: 'begun', request, ...(hasProcess ? { process: 9 } : {}) });
    }
    case 'ended':
      return heard({ kind: 'ended', request, exit_code: one.exitCode });
    case 'request':
      return { kind: 'request', request: requests + 1 };
    case 'fault':
      return { kind: 'fault', reason: 'It broke.' };
    case 'dismissed':
      return { kind: 'dismissed' };
  }
}

interface Step {
  readonly event: WorkerEvent;
  /** The number of the last request. */
  readonly request: number;
  readonly before: WorkerState;
  readonly after: WorkerState;
  readonly outcome: WorkerOutcome | null;
}

/** Carries out the plans as an executor would: it sends requests to idle workers only. */
function run(all: readonly Plan[]): Step[] {
  let state: WorkerState = { kind: 'starting' };
  let request = 0;
  const steps: Step[] = [];
  for (const one of all) {
    const before: WorkerState = state;
    const event = eventOf(one, before, request);
    if (event.kind === 'request' && before.kind !== 'idle') {
      continue;
    }
    request += event.kind === 'request' ? 1 : 0;
    const { state: after, outcome } = nextWorkerState(before, event);
    state = after;
    steps.push({ event, request, before, after, outcome });
  }
  return steps;
}

describe('the states of a worker', () => {
  it('give each request at most one end, and a verdict only by its own number, after its begin, with its process gone', () => {
    let verdicts = 0;
    fc.assert(
      fc.property(plans, (all) => {
        const ends = new Map<number, number>();
        const begun = new Set<number>();
        for (const { event, request, outcome, before } of run(all)) {
          if (outcome?.kind === 'begun') {
            expect(before).to.include({ kind: 'asked', request });
            expect(event)
              .to.deep.include({ isOwnProcess: true })
              .and.to.have.nested.property('message.request', request);
            begun.add(request);
          }
          if (outcome?.kind === 'ended') {
            expect(begun.has(request)).to.equal(true);
            expect(event).to.deep.include({ kind: 'message', isAtomReaped: true });
            expect(event).to.have.nested.property('message.request', request);
            expect(event).to.have.nested.property('message.exit_code', outcome.exitCode);
            verdicts += 1;
          }
          if (outcome?.kind === 'ended' || (outcome?.kind === 'failed' && 'request' in before)) {
            ends.set(request, (ends.get(request) ?? 0) + 1);
          }
        }
        expect([...ends.values()].every((count) => count === 1)).to.equal(true);
      }),
      { numRuns: 2000 },
    );
    expect(verdicts).to.be.greaterThan(100);
  });

  it('leave the last one never, and say nothing in it', () => {
    fc.assert(
      fc.property(plans, (all) => {
        for (const { before, after, outcome } of run(all)) {
          if (before.kind === 'over') {
            expect({ after, outcome }).to.deep.equal({ after: { kind: 'over' }, outcome: null });
          }
        }
      }),
    );
  });

  it('follow a worker that keeps to the protocol from atom to atom', () => {
    const proper = plan.map((one) => ({
      ...one,
      what: 'proper' as const,
      protocol: 1 as const,
      off: 0 as const,
      namesProcess: 'as it must' as const,
      isOwnProcess: true,
      isAtomReaped: true,
    }));
    fc.assert(
      fc.property(fc.array(proper, { minLength: 1, maxLength: 60 }), (all) => {
        const steps = run(all);
        expect(steps).to.have.length(all.length);
        const ended = steps.filter(({ outcome }) => outcome?.kind === 'ended');
        expect(ended).to.have.length(Math.floor((all.length - 1) / 3));
      }),
    );
  });

  it('refuse a request to a worker that is not idle', () => {
    expect(() => nextWorkerState({ kind: 'starting' }, { kind: 'request', request: 1 })).to.throw(/starting/);
  });

  it('fail a request to a worker that has ended', () => {
    const { outcome } = nextWorkerState({ kind: 'over' }, { kind: 'request', request: 1 });
    expect(outcome?.kind).to.equal('failed');
  });
});
