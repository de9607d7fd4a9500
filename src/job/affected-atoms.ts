import { posix } from 'node:path';
import type { AffectsRule } from '../protocol/build/job.js';
import type { AtomValue } from './command-string.js';
import { pathPattern } from './path-pattern.js';

/** The atoms of a list that changed files affect. */
export interface AffectedByChange {
  /** Their places in the list, ascending. */
  readonly places: readonly number[];
  /**
   * The first changed file that no rule covers and that is no atom itself: it may affect any atom. null when every changed
   * file is covered.
   */
  readonly uncovered: string | null;
}

/**
 * Finds the atoms that changed files affect: those whose value is the path of such a file, and those that a rule names for
 * it. `changed` are paths relative to the folder of clusterrunner.yaml; those outside of it begin with `../`.
 */
export function affectedAtoms(
  changed: readonly string[],
  rules: readonly AffectsRule[],
  atoms: readonly AtomValue[],
): AffectedByChange {
  const placesOfPath = new Map<string, number[]>();
  const paths = atoms.map(({ value }) => pathOf(value));
  for (const [place, path] of paths.entries()) {
    const places = placesOfPath.get(path) ?? [];
    places.push(place);
    placesOfPath.set(path, places);
  }
  const compiled = rules.map((rule) => ({
    paths: rule.paths.map((glob) => pathPattern(glob)),
    atoms: rule.atoms,
    isHit: false,
  }));
  const affected = new Set<number>();
  let uncovered: string | null = null;
  for (const path of changed) {
    const own = placesOfPath.get(path) ?? [];
    for (const place of own) {
      affected.add(place);
    }
    let isCovered = own.length > 0;
    for (const rule of compiled) {
      if (rule.paths.some((glob) => glob.match(path))) {
        isCovered = true;
        rule.isHit = true;
      }
    }
    uncovered ??= isCovered ? null : path;
  }
  const globs = new Set(compiled.flatMap((rule) => (rule.isHit ? rule.atoms : [])));
  for (const glob of [...globs].map((text) => pathPattern(text))) {
    for (const [place, path] of paths.entries()) {
      if (glob.match(path)) {
        affected.add(place);
      }
    }
  }
  return { places: [...affected].sort((a, b) => a - b), uncovered };
}

/** The value of an atom as a path relative to the folder of clusterrunner.yaml, if it is one. */
function pathOf(value: string): string {
  const inProject = value.replace(/^\$PROJECT_DIR\//, '');
  return inProject === '' ? inProject : posix.normalize(inProject);
}
