import { rm, writeFile } from 'node:fs/promises';
import { type AffectedByChange, affectedAtoms } from '../../job/affected-atoms.js';
import type { Workspace } from '../../project/workspace/open-workspace.js';
import type { JobDefinition } from '../../protocol/build/job.js';
import { type AffectedAtoms, MAX_AFFECTED_PLACES } from '../../protocol/slave/optional-reports.js';
import type { ListedAtom, PrepareAssignment } from '../../protocol/slave/slave-messages.js';

/** Names the file with the changed files; a variable of atomizers. */
const CHANGED_FILES = 'CHANGED_FILES';

/** The changed files of a build, sorted; null where its request names none. @throws ClusterRunnerError PREPARATION_FAILED */
export async function changedFiles(
  { changes }: Pick<PrepareAssignment, 'changes'>,
  workspace: Pick<Workspace, 'changedSince'>,
): Promise<readonly string[] | null> {
  if (changes?.changed_files !== undefined) {
    return [...new Set(changes.changed_files)].sort();
  }
  return changes?.since === undefined ? null : workspace.changedSince(changes.since);
}

/** Calls `use` with the variables of atomizers about the changed files, which are in a file at `path` meanwhile. */
export async function withChangedFiles<T>(
  files: readonly string[] | null,
  path: string,
  use: (environment: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  if (files === null) {
    return use({});
  }
  try {
    await writeFile(path, files.map((file) => `${file}\n`).join(''), { mode: 0o600 });
    return await use({ [CHANGED_FILES]: path });
  } finally {
    await rm(path, { force: true });
  }
}

/** The atoms that a build runs, and which of them the changed files affect. */
export interface ChosenAtoms {
  readonly atoms: ListedAtom[];
  readonly affected: AffectedAtoms;
}

/** With `isSelective` only the affected atoms are chosen, unless a changed file may affect any atom. */
export function chooseAtoms(
  files: readonly string[],
  { affects = [] }: Pick<JobDefinition, 'affects'>,
  atoms: ListedAtom[],
  isSelective: boolean,
): ChosenAtoms {
  const found: AffectedByChange = affectedAtoms(files, affects, atoms);
  const { places, uncovered } = found;
  const shared = { num_atoms: uncovered === null ? places.length : atoms.length, uncovered };
  if (!isSelective || uncovered !== null) {
    return {
      atoms,
      affected: { ...shared, num_unaffected: 0, places: places.slice(0, MAX_AFFECTED_PLACES) },
    };
  }
  const chosen = new Set(places);
  return {
    atoms: atoms.filter((_, place) => chosen.has(place)),
    affected: { ...shared, num_unaffected: atoms.length - chosen.size, places: [] },
  };
}
