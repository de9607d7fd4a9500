import { commandString } from '../../job/command-string.js';
import { seconds } from '../../lib/clock.js';
import type { CachedFrom } from '../../protocol/build/cached-atom.js';
import type { Atom, AtomOutcome, AtomState, Subjob } from '../../protocol/build/work.js';
import { toId } from '../../protocol/ids.js';
import type { AtomView, SubjobView } from '../store/atom-views.js';
import { interruptionOf } from '../store/atoms.js';
import { readFacts } from '../store/facts-column.js';
import type { SubjobRow } from '../store/tables.js';

const shownAs: Readonly<Record<SubjobRow['state'], AtomState>> = {
  QUEUED: 'NOT_STARTED',
  LEASED: 'IN_PROGRESS',
  DONE: 'COMPLETED',
  LOST: 'COMPLETED',
  CUT: 'COMPLETED',
  CACHED: 'COMPLETED',
};

export function presentAtom(atom: AtomView): Atom {
  return {
    id: toId.atom(atom.atom_id),
    subjob_id: toId.subjob(atom.subjob_id),
    command_string: commandString(atom),
    state: atom.state === 'INTERRUPTED' ? 'COMPLETED' : atom.state,
    outcome: outcomeOf(atom),
    slave: atom.slave,
    num_retries: atom.num_retries,
    exit_code: atom.exit_code,
    expected_time: atom.expected_time,
    actual_time: atom.actual_time,
    started_at: atom.started_at === null ? null : seconds(atom.started_at),
    error: errorOf(atom),
    cached_from: cachedFrom(atom),
    not_cached: atom.not_cached,
    ...readFacts(atom.facts),
  };
}

/** Why an atom has no exit code although its commands have run. */
function errorOf({ state, error, slave, actual_time: time, exit_code }: AtomView): string | null {
  if (state === 'INTERRUPTED') {
    return interruptionOf(time, slave);
  }
  return exit_code === null ? error : null;
}

function cachedFrom({ cached_build_id: build, cached_atom_id: atom, is_kept }: AtomView): CachedFrom | null {
  return build === null || atom === null
    ? null
    : { build_id: toId.build(build), atom_id: toId.atom(atom), is_kept: is_kept === 1 };
}

function outcomeOf({ state, failed, exit_code }: AtomView): AtomOutcome | null {
  if (state === 'INTERRUPTED') {
    return 'INTERRUPTED';
  }
  if (failed === null) {
    return null;
  }
  if (failed === 0) {
    return 'PASSED';
  }
  return exit_code === null ? 'LOST' : 'FAILED';
}

/** `command` is the shell text that runs for each atom. */
export function presentSubjob(subjob: SubjobView, command: string, atoms: readonly AtomView[]): Subjob {
  return {
    id: toId.subjob(subjob.subjob_id),
    command,
    atoms: atoms.map(presentAtom),
    slave: subjob.slave,
    state: shownAs[subjob.state],
    attempt: subjob.attempt,
  };
}

export function bySubjobOf(atoms: readonly AtomView[]): Map<number, AtomView[]> {
  const groups = new Map<number, AtomView[]>();
  for (const atom of atoms) {
    const group = groups.get(atom.subjob_id);
    if (group === undefined) {
      groups.set(atom.subjob_id, [atom]);
    } else {
      group.push(atom);
    }
  }
  return groups;
}
