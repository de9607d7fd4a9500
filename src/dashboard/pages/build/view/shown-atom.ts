import type { Build } from '../../../../protocol/build/build.js';
import type { Atom } from '../../../../protocol/build/work.js';
import type { CacheOfAtom, ShownState } from '../../../parts/status/status-look.js';
import { atomLabel } from '../../../parts/text/atom-label.js';
import { pathTo } from '../../../router/page-paths.js';

/** An atom in a list, of the master or of a report. */
export interface ShownAtom
  extends Pick<Atom, 'outcome' | 'exit_code' | 'actual_time' | 'num_retries' | 'slave' | 'error'>,
    CacheOfAtom {
  readonly state: ShownState;
  readonly id: number;
  readonly label: string;
  /** Where more about it is; null where nothing is. */
  readonly href: string | null;
  readonly expected_time?: number | null;
  /** In a report: the folder of its files beside it; null when there is none. */
  readonly folder?: string | null;
}

/** An atom of the API, with a link to its page. */
export function shownAtom(
  atom: Atom,
  { id: buildId, status, atom_variables: variables }: Pick<Build, 'id' | 'status' | 'atom_variables'>,
): ShownAtom {
  const label = atomLabel(atom.command_string, variables);
  const isNotRun = status !== 'BUILDING' && atom.state === 'NOT_STARTED';
  return {
    ...atom,
    state: isNotRun ? 'NOT_RUN' : atom.state,
    label,
    href: pathTo({ page: 'atom', buildId, atomId: atom.id }),
  };
}
