import type { BuildId } from '../ids.js';
import type { LeaseRef, WorkRequest } from './slave-messages.js';

type Wants = Pick<WorkRequest, 'free_executors' | 'ahead' | 'leases' | 'builds'>;
interface PendingAssignment {
  readonly lease: LeaseRef;
  readonly build_id: BuildId;
}

/**
 * Adjusts a poll request for leases that arrive with the response to an older one: it names them as if the slave had, and
 * asks for so many fewer. Both sides apply this, so the slave need not send another request.
 */
export function withPendingAssignments<Q extends Wants>(
  request: Q,
  pending: readonly PendingAssignment[],
): Q {
  const { free_executors: free, ahead = 0, leases, builds } = request;
  const forFree = Math.min(free, pending.length);
  return {
    ...request,
    free_executors: free - forFree,
    ahead: Math.max(0, ahead - (pending.length - forFree)),
    leases: [...leases, ...pending.map(({ lease }) => lease)],
    builds: [...new Set([...builds, ...pending.map(({ build_id }) => build_id)])],
  };
}
