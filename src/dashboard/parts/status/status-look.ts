import { passedWithoutAtoms } from '../../../lib/without-atoms.js';
import type { Build } from '../../../protocol/build/build.js';
import type { Atom, AtomState } from '../../../protocol/build/work.js';
import type { SlaveState } from '../../../protocol/slave/slave-list.js';

/** The look of a status: a sign and a word, and a color that is never alone. */
export type Tone = 'good' | 'bad' | 'busy' | 'wait' | 'quiet' | 'warn';

export interface StatusLook {
  readonly tone: Tone;
  readonly sign: string;
  readonly word: string;
}

/** The look of a build's state, with its failures so far. */
export function lookOfBuild(
  build: Pick<Build, 'state' | 'result' | 'num_atoms_failed' | 'num_atoms'>,
): StatusLook {
  switch (build.state) {
    case 'QUEUED':
      return { tone: 'wait', sign: '○', word: 'queued' };
    case 'PREPARING':
      return { tone: 'busy', sign: '◌', word: 'preparing' };
    case 'BUILDING':
      return build.num_atoms_failed > 0
        ? { tone: 'bad', sign: '◐', word: 'failing' }
        : { tone: 'busy', sign: '◐', word: 'running' };
    case 'CANCELED':
      return { tone: 'quiet', sign: '⊘', word: 'canceled' };
    case 'ERROR':
      return { tone: 'bad', sign: '!', word: 'error' };
    case 'FINISHED':
      if (passedWithoutAtoms(build)) {
        return { tone: 'quiet', sign: '–', word: 'no atoms' };
      }
      return build.result === 'SUCCESS'
        ? { tone: 'good', sign: '✓', word: 'passed' }
        : { tone: 'bad', sign: '✗', word: 'failed' };
  }
}

const slaveLooks: Readonly<Record<SlaveState, StatusLook>> = {
  CONNECTED: { tone: 'good', sign: '●', word: 'connected' },
  SUSPECT: { tone: 'warn', sign: '?', word: 'suspect' },
  SICK: { tone: 'bad', sign: '!', word: 'sick' },
  DRAINING: { tone: 'busy', sign: '◒', word: 'draining' },
  GONE: { tone: 'quiet', sign: '⊘', word: 'gone' },
};

export function lookOfSlave({ state }: { readonly state: SlaveState }): StatusLook {
  return slaveLooks[state];
}

/** The state of an atom in a list; NOT_RUN: its build ended before it began. */
export type ShownState = AtomState | 'NOT_RUN';

/** The run that an atom was taken from, if it is cached; a report only says that there was one. */
export interface CacheOfAtom {
  readonly cached_from?: object | null;
}

/** The look of an atom's outcome; without one, of its state. */
export function lookOfAtom({
  state,
  outcome,
  exit_code: exitCode,
  cached_from: from,
}: Pick<Atom, 'outcome' | 'exit_code'> & CacheOfAtom & { readonly state: ShownState }): StatusLook {
  switch (outcome) {
    case 'PASSED':
      return { tone: 'good', sign: '✓', word: from ? 'cached' : 'passed' };
    case 'FAILED':
      return { tone: 'bad', sign: '✗', word: 'failed' };
    case 'LOST':
      return { tone: 'bad', sign: '?', word: 'lost' };
    case 'INTERRUPTED':
      return { tone: 'quiet', sign: '⊘', word: 'interrupted' };
    case null:
      break;
  }
  switch (state) {
    case 'NOT_STARTED':
      return { tone: 'wait', sign: '○', word: 'waiting' };
    case 'NOT_RUN':
      return { tone: 'quiet', sign: '–', word: 'not run' };
    case 'IN_PROGRESS':
      return { tone: 'busy', sign: '◐', word: 'running' };
    case 'COMPLETED':
      // Its results are still to come.
      return exitCode === 0
        ? { tone: 'busy', sign: '✓', word: 'passed' }
        : { tone: 'bad', sign: '✗', word: 'failed' };
  }
}
