import type { TestCounts } from '../../protocol/results/result-facts.js';
import {
  WORKER_PROTOCOL,
  type WorkerIsolation,
  type WorkerMessage,
} from '../../protocol/worker/worker-messages.js';

/*
 * The states of a worker:
 *
 *   starting ── ready ──> idle ── a request is sent ──> asked ── begun ──> running ── ended ──> idle
 *
 * From each of them a fault, an end of its process or the executor's decision leads to `over`, and nothing leads back. Its
 * processes are ended then, and nothing that it says counts any more. Each request has exactly one outcome.
 */
export type WorkerState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'idle'; readonly isolation: WorkerIsolation }
  | { readonly kind: 'asked'; readonly isolation: WorkerIsolation; readonly request: number }
  | {
      readonly kind: 'running';
      readonly isolation: WorkerIsolation;
      readonly request: number;
      readonly process: number | null;
    }
  | { readonly kind: 'over' };

export type WorkerEvent =
  | {
      readonly kind: 'message';
      readonly message: WorkerMessage;
      /** For `begun`: whether the process that it names is one of the worker's, or has ended already. */
      readonly isOwnProcess: boolean;
      /** For `ended`: whether the process of the atom has ended and was waited for, so that its exit code is known. */
      readonly isAtomReaped: boolean;
    }
  /** A request is about to be sent. */
  | { readonly kind: 'request'; readonly request: number }
  /** It broke the protocol, exited, or took too long; `reason` is a sentence about it. */
  | { readonly kind: 'fault'; readonly reason: string }
  /** The executor ends it: it is not needed, or its atom is canceled or took too long. */
  | { readonly kind: 'dismissed' };

export type WorkerOutcome =
  | { readonly kind: 'ready' }
  | { readonly kind: 'begun'; readonly process: number | null }
  | { readonly kind: 'ended'; readonly exitCode: number; readonly tests: TestCounts | null }
  /** The worker is over, and with it what was waited for: its start, or the atom. */
  | { readonly kind: 'failed'; readonly reason: string };

export interface WorkerStep {
  readonly state: WorkerState;
  /** null: nothing that anybody waits for. */
  readonly outcome: WorkerOutcome | null;
}

const OVER: WorkerState = { kind: 'over' };

/** @throws Error for a request to a worker that is not idle: a mistake of the caller */
export function nextWorkerState(state: WorkerState, event: WorkerEvent): WorkerStep {
  if (state.kind === 'over') {
    return {
      state,
      outcome: event.kind === 'request' ? failed('The worker had ended before.').outcome : null,
    };
  }
  switch (event.kind) {
    case 'dismissed':
      return { state: OVER, outcome: null };
    case 'fault':
      return failed(event.reason);
    case 'request':
      if (state.kind !== 'idle') {
        throw new Error(`A worker got a request while it was ${state.kind}.`);
      }
      return {
        state: { kind: 'asked', isolation: state.isolation, request: event.request },
        outcome: null,
      };
    case 'message':
      return afterMessage(state, event);
  }
}

function afterMessage(
  state: Exclude<WorkerState, { readonly kind: 'over' }>,
  { message, isOwnProcess, isAtomReaped }: Extract<WorkerEvent, { readonly kind: 'message' }>,
): WorkerStep {
  if (message.kind === 'ready') {
    if (state.kind !== 'starting') {
      return failed('The worker said again that it is ready.');
    }
    return message.protocol === WORKER_PROTOCOL
      ? { state: { kind: 'idle', isolation: message.isolation }, outcome: { kind: 'ready' } }
      : failed(
          `The worker speaks version ${message.protocol} of the protocol, and this slave speaks version ${WORKER_PROTOCOL}.`,
        );
  }
  if (state.kind === 'starting' || state.kind === 'idle') {
    return failed(`The worker reported an atom as ${message.kind} without a request for one.`);
  }
  if (message.request !== state.request) {
    return failed(
      `The worker responded to request ${message.request} when request ${state.request} was the current one.`,
    );
  }
  const { isolation, request } = state;
  if (message.kind === 'begun') {
    const process = message.process ?? null;
    if (state.kind === 'running') {
      return failed('The worker reported the same atom as begun twice.');
    }
    if ((process === null) !== (isolation === 'none')) {
      return failed(
        isolation === 'none'
          ? 'The worker named a process of the atom, although it said that atoms run in itself.'
          : 'The worker did not name the process of the atom, although it said that each atom has one.',
      );
    }
    if (!isOwnProcess) {
      return failed(`The worker named process ${process} for the atom, which it has not started.`);
    }
    return { state: { kind: 'running', isolation, request, process }, outcome: { kind: 'begun', process } };
  }
  if (state.kind === 'asked') {
    return failed('The worker reported the atom as ended without having reported its begin.');
  }
  if (!isAtomReaped) {
    return failed('The worker reported the atom as ended without having waited for the end of its process.');
  }
  return {
    state: { kind: 'idle', isolation },
    outcome: { kind: 'ended', exitCode: message.exit_code, tests: message.tests ?? null },
  };
}

function failed(reason: string): WorkerStep & { readonly outcome: WorkerOutcome } {
  return { state: OVER, outcome: { kind: 'failed', reason } };
}
