import type { AtomRunInBuild, JobAtom, JobBuild } from '../../src/protocol/build/history.js';
import { toId } from '../../src/protocol/ids.js';

const AT = 1_700_000_040;

/** A build of a job, as its history has it: it passed unless its fields say otherwise. */
export function jobBuild(id: number, fields: Partial<JobBuild> = {}): JobBuild {
  return {
    build_id: toId.build(id),
    retained: true,
    state: 'FINISHED',
    result: 'SUCCESS',
    is_partial: false,
    created_at: AT - 100,
    started_at: AT - 95,
    ended_at: AT,
    seconds: 95,
    num_atoms: 20,
    num_atoms_done: 20,
    num_atoms_failed: 0,
    num_atoms_lost: 0,
    num_atoms_flaky: 0,
    retry_seconds: 0,
    commit: '3f786850e387550fdab836ed7e6dc881de23001b',
    branch: 'main',
    subject: 'Empty the cart',
    has_changes: false,
    requested_by: 'ada@laptop',
    ...fields,
  };
}

/** Runs in the builds 1, 2 and so on: `.` passed, `~` is flaky, `F` failed, `L` was lost. */
export function atomRuns(marks: string): AtomRunInBuild[] {
  return [...marks].map((mark, index) => ({
    build_id: toId.build(index + 1),
    atom_id: toId.atom(3),
    retained: true,
    outcome: mark === 'F' ? 'FAILED' : mark === 'L' ? 'LOST' : 'PASSED',
    flaky: mark === '~',
    seconds: index + 1,
    at: AT,
  }));
}

/** An atom of a job with these runs. */
export function jobAtom(marks: string, fields: Partial<JobAtom> = {}): JobAtom {
  return {
    name: 'TEST=a.test',
    runs: marks.length,
    failures: 0,
    flaky: 0,
    flakiness: 0,
    p50_seconds: 1,
    p95_seconds: 2,
    retry_seconds: 0,
    recent_retry_seconds: 0,
    failing_since: null,
    last_passed: null,
    first_seen: { build_id: toId.build(1), at: AT },
    last: atomRuns(marks),
    ...fields,
  };
}
