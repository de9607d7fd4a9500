/** The test cases of an atom in the reports of its batch. */
export interface AtomFindings {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Its test cases took so long together. */
  readonly seconds: number;
  /** Failed test cases that may belong to it, or to another atom of the batch. */
  readonly doubtful: number;
}

export interface BatchFindings {
  /** In the order of the batch. */
  readonly atoms: readonly AtomFindings[];
  /** Failed test cases that name no atom of the batch. */
  readonly strayFailures: number;
  /** Why the reports are not complete and of this run, as a sentence; null if they are. */
  readonly problem: string | null;
}

/** How the commands of a batch ended by themselves, or because they took too long. */
export interface BatchEnd {
  readonly exitCode: number;
  readonly seconds: number;
  readonly tookTooLong: boolean;
}

export type BatchVerdict =
  | { readonly kind: 'ended'; readonly exitCode: number; readonly seconds: number }
  /** The batch says nothing reliable about it, so it runs again by itself. `reason` is a sentence. */
  | { readonly kind: 'undecided'; readonly reason: string };

/** Exit codes from here on are those of signals. */
const SIGNALED = 128;
const FAILED = 1;

/**
 * The verdicts of the atoms of a batch, in its order. One passes only if the reports name it as passed and the exit code agrees:
 * it is 0, or failed atoms explain it. One fails only if a test case that is certainly its own has failed and the exit
 * code agrees. Everything else is undecided. `limit`: seconds that an atom may take; null: any time.
 */
export function batchVerdicts(
  findings: BatchFindings,
  end: BatchEnd,
  limit: number | null,
): readonly BatchVerdict[] {
  const { atoms } = findings;
  const reported = atoms.reduce((sum, { seconds }) => sum + seconds, 0);
  // The time besides test cases is that of all atoms.
  const shared = Math.max(0, end.seconds - reported) / atoms.length;
  const doubts = doubtsAboutAll(findings, end);
  return atoms.map((atom) => {
    const seconds = atom.seconds + shared;
    if (atom.failed > 0) {
      return end.exitCode === 0 && !end.tookTooLong
        ? undecided('Its report says that it failed, but the commands of the batch exited with 0.')
        : { kind: 'ended', exitCode: codeOf(end), seconds };
    }
    const doubt = doubts ?? doubtsAbout(atom, limit);
    return doubt === null ? { kind: 'ended', exitCode: 0, seconds } : undecided(doubt);
  });
}

/** Why no atom of the batch passes; null if those that are named as passed do. */
function doubtsAboutAll({ atoms, strayFailures, problem }: BatchFindings, end: BatchEnd): string | null {
  if (end.tookTooLong) {
    return 'The batch took longer than its atoms may take together (atom_timeout).';
  }
  if (end.exitCode >= SIGNALED) {
    return `The commands of the batch were ended by a signal (exit code ${end.exitCode}).`;
  }
  if (problem !== null) {
    return problem;
  }
  if (strayFailures > 0) {
    return 'A failed test case in the reports of the batch names none of its atoms.';
  }
  if (end.exitCode !== 0 && atoms.every(({ failed }) => failed === 0)) {
    return `The commands of the batch exited with ${end.exitCode}, and no report says which atom failed.`;
  }
  return null;
}

function doubtsAbout(
  { passed, skipped, seconds, doubtful }: AtomFindings,
  limit: number | null,
): string | null {
  if (doubtful > 0) {
    return 'A failed test case in the reports of the batch may belong to this atom or to another one.';
  }
  if (passed === 0) {
    return skipped === 0
      ? 'No report of the batch names this atom.'
      : 'The reports of the batch have only skipped test cases of this atom.';
  }
  if (limit !== null && seconds > limit) {
    return `Its test cases took ${seconds.toFixed(1)} s in the batch, and an atom may take ${limit} s (atom_timeout).`;
  }
  return null;
}

/** The exit code of the batch says nothing about a single atom when the batch was ended. */
function codeOf({ exitCode, tookTooLong }: BatchEnd): number {
  return tookTooLong || exitCode >= SIGNALED ? FAILED : exitCode;
}

function undecided(reason: string): BatchVerdict {
  return { kind: 'undecided', reason };
}
