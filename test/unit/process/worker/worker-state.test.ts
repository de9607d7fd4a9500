import { expect } from 'chai';
import fc from 'fast-check';
import {
  nextWorkerState,
  type WorkerEvent,
  type WorkerOutcome,
  type WorkerState,
} from '../../../../src/process/worker/worker-state.js';

const number = fc.integer({ min: 1, max: 4 });
const message = fc.record({
  kind: fc.constant('message' as const),
  message: fc.oneof(
    fc.record({
      kind: fc.constant('ready' as const),
      protocol: fc.constantFrom(1, 1, 2),
      isolation: fc.constantFrom('process' as const, 'none' as const),
    }),
    fc.oneof(
      fc.record({ kind: fc.constant('begun' as const), request: number }),
      fc.record({
        kind: fc.constant('begun' as const),
        request: number,
        process: fc.integer({ min: 2, max: 9 }),
      }),
    ),
    fc.record({ kind: fc.constant('ended' as const), request: number, exit_code: fc.constantFrom(0, 1, 7) }),
  ),
  isOwnProcess: fc.boolean(),
  isAtomReaped: fc.boolean(),
});
const event: fc.Arbitrary<WorkerEvent> = fc.oneof(
  { weight: 6, arbitrary: message },
  { weight: 3, arbitrary: fc.constant({ kind: 'request' as const, request: 0 }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'fault' as const, reason: 'It broke.' }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'dismissed' as const }) },
);

/** Carries out the events as an executor would: it numbers requests, and sends them to idle workers only. */
function run(events: readonly WorkerEvent[]) {
  let state: WorkerState = { kind: 'starting' };
  let requests = 0;
  const steps: {
    event: WorkerEvent;
    request: number;
    before: WorkerState;
    after: WorkerState;
    outcome: WorkerOutcome | null;
  }[] = [];
  for (const one of events) {
    const before = state;
    if (one.kind === 'request' && before.kind !== 'idle') {
      continue;
    }
    if (one.kind === 'request') {
      requests += 1;
    }
    const given = one.kind === 'request' ? { ...one, request: requests } : one;
    const { state: after, outcome } = nextWorkerState(before, given);
    state = after;
    steps.push({ event: given, request: requests, before, after, outcome });
  }
  return { steps, requests };
}

describe('the states of a worker', () => {
  it('give each request at most one end, and a verdict only by its own number, after its begin, with its process gone', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const ends = new Map<number, number>();
        const begun = new Set<number>();
        for (const { event: given, request, outcome, before } of run(events).steps) {
          if (outcome?.kind === 'begun') {
            expect(before).to.include({ kind: 'asked', request });
            begun.add(request);
          }
          if (outcome?.kind === 'ended') {
            expect(begun.has(request)).to.equal(true);
            expect(given).to.deep.include({ kind: 'message', isAtomReaped: true });
            expect(given).to.have.nested.property('message.request', request);
            expect(given).to.have.nested.property('message.exit_code', outcome.exitCode);
          }
          if (outcome?.kind === 'ended' || (outcome?.kind === 'failed' && 'request' in before)) {
            ends.set(request, (ends.get(request) ?? 0) + 1);
          }
        }
        expect([...ends.values()].every((count) => count === 1)).to.equal(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('leave the last one never, and say nothing in it', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        for (const { before, after, outcome } of run(events).steps) {
          if (before.kind === 'over') {
            expect({ after, outcome }).to.deep.equal({ after: { kind: 'over' }, outcome: null });
          }
        }
      }),
    );
  });

  it('follow a worker that keeps to the protocol from atom to atom', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ code: fc.integer({ min: 0, max: 255 }), process: fc.integer({ min: 2, max: 9 }) }),
        ),
        fc.constantFrom('process' as const, 'none' as const),
        (atoms, isolation) => {
          const heard = (sent: Extract<WorkerEvent, { kind: 'message' }>['message']): WorkerEvent => ({
            kind: 'message',
            message: sent,
            isOwnProcess: true,
            isAtomReaped: true,
          });
          const { steps } = run([
            heard({ kind: 'ready', protocol: 1, isolation }),
            ...atoms.flatMap(({ code, process }, index): WorkerEvent[] => [
              { kind: 'request', request: 0 },
              heard({ kind: 'begun', request: index + 1, ...(isolation === 'process' ? { process } : {}) }),
              heard({ kind: 'ended', request: index + 1, exit_code: code }),
            ]),
          ]);
          const ended = steps.flatMap(({ outcome }) => (outcome?.kind === 'ended' ? [outcome.exitCode] : []));
          expect(ended).to.deep.equal(atoms.map(({ code }) => code));
          expect(steps.at(-1)?.after.kind).to.equal('idle');
        },
      ),
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
