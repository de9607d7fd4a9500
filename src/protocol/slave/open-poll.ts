import type { BuildId } from '../ids.js';
import type { LeaseRef, WorkRequest } from './slave-messages.js';

type Wants = Pick<WorkRequest, 'free_executors' | 'ahead' | 'leases' | 'builds'>;
interface Brought {
  readonly lease: LeaseRef;
  readonly build_id: BuildId;
}

/**
 * What a question for work says once these leases are known to come with the answer to an older one: it names them as if
 * the slave had, and wants so much less. Both sides reckon with it, so no further question is needed to say so.
 */
export function withPendingAssignments<Q extends Wants>(question: Q, brought: readonly Brought[]): Q {
  const { free_executors: free, ahead = 0, leases, builds } = question;
  const forFree = Math.min(free, brought.length);
  return {
    ...question,
    free_executors: free - forFree,
    ahead: Math.max(0, ahead - (brought.length - forFree)),
    leases: [...leases, ...brought.map(({ lease }) => lease)],
    builds: [...new Set([...builds, ...brought.map(({ build_id }) => build_id)])],
  };
}
