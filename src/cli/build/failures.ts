import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { atomName } from '../../job/atom-name.js';
import { cleanLine, stripControlChars } from '../../lib/text/strip-control-chars.js';
import type { SpecialGroup } from '../../protocol/build/failure-group.js';
import type { Atom } from '../../protocol/build/work.js';
import { atomFolder } from '../../protocol/ids.js';
import { CONSOLE_FILE, EXIT_CODE_FILE } from '../../protocol/results/archive-names.js';
import { environmentHint } from './environment-hint.js';
import { runText } from './progress/progress.js';
import { consoleEnd } from './results/console-end.js';
import { addToGroup, exitCodeIn, failurePattern, largestFirst } from './results/like-failures.js';
import { rerunByHand } from './results/rerun-by-hand.js';
import type { ResultPlace } from './results/result-place.js';

/** The part of a failed atom that its report needs. */
export type FailedAtom = Pick<
  Atom,
  'id' | 'subjob_id' | 'command_string' | 'error' | 'slave' | 'actual_time' | 'num_retries'
>;

const MAX_SHOWN = 10;
const MAX_NAMED = 100;
/** The consoles of so many atoms are compared. */
const MAX_COMPARED = 1000;
/** So many of the atoms that failed alike are named. */
const MAX_ALIKE = 10;

/**
 * The report of a failed build: the failed atoms in groups whose outputs end alike. The first of each group has the end of its
 * console, and the command that reruns it by hand. A lost atom has no results, so its error is shown instead. `variables`: those that the atoms set.
 * `isElsewhere`: the build ran in a folder that was made for it on a slave. `colors`: consoles keep their colors.
 */
export function failureReport(
  failed: readonly FailedAtom[],
  variables: readonly string[],
  place: ResultPlace,
  isElsewhere = false,
  colors = false,
): string {
  const rerun = isElsewhere ? 'rerun it by hand, in a checkout' : 'rerun it by hand';
  const nameOf = (atom: FailedAtom) => cleanLine(atomName(atom.command_string, variables));
  const lines: string[] = [];
  const groups = groupsOf(failed, place.directory);
  for (const [key, [atom, ...alike]] of groups.slice(0, MAX_SHOWN)) {
    const folder = atomFolder(atom.subjob_id, atom.id);
    if (atom.error !== null) {
      lines.push('', `--- LOST: ${nameOf(atom)}`, `    ${stripControlChars(atom.error)}`);
      lines.push(...othersText(key, alike.map(nameOf)));
      continue;
    }
    lines.push('', `--- FAILED: ${nameOf(atom)}${runText(atom.actual_time, atom.slave)}`);
    if (atom.num_retries > 0) {
      lines.push(`    (it failed ${atom.num_retries + 1} times; this is the last run)`);
    }
    const file = join(place.directory, folder, CONSOLE_FILE);
    const console = shownEnd(file, colors);
    lines.push(...console.map((line) => `    ${line}`));
    const exitCode = exitCodeIn(join(place.directory, folder, EXIT_CODE_FILE));
    lines.push(...howItEnded(exitCode));
    const hint = environmentHint(consoleEnd(file, false)?.lines ?? [], exitCode);
    if (hint !== null) {
      lines.push(`    hint: ${cleanLine(hint)}`);
    }
    lines.push(`    ${rerun}: ${rerunByHand(folder, place, place.directory, isElsewhere)}`);
    lines.push(...othersText(key, alike.map(nameOf)));
  }
  const rest = groups.slice(MAX_SHOWN).flatMap(([, atoms]) => atoms);
  const others = rest.slice(0, MAX_NAMED - MAX_SHOWN);
  if (others.length > 0) {
    lines.push('', 'These failed too:');
    lines.push(
      ...others.map(
        (atom) =>
          `    ${nameOf(atom)}  (${atom.error === null ? place.word(atomFolder(atom.subjob_id, atom.id)) : 'lost'})`,
      ),
    );
  }
  if (rest.length > others.length) {
    lines.push(`    … and ${rest.length - others.length} more; all are in ${place.word('failures.txt')}`);
  }
  return lines.join('\n');
}

/** The failed atoms in groups, as on the page of the build. Those that are not compared are groups of their own. */
function groupsOf(
  failed: readonly FailedAtom[],
  directory: string,
): readonly (readonly [string, readonly [FailedAtom, ...FailedAtom[]]])[] {
  const groups = new Map<string, [FailedAtom, ...FailedAtom[]]>();
  for (const [place, atom] of failed.entries()) {
    addToGroup(groups, place < MAX_COMPARED ? keyOf(atom, directory) : `${REST} ${place}`, atom);
  }
  return largestFirst(groups);
}

const LINES = 'lines';
const REST = 'rest';

function keyOf({ id, subjob_id, command_string, error }: FailedAtom, directory: string): string {
  if (error !== null) {
    return 'lost' satisfies SpecialGroup;
  }
  const folder = join(directory, atomFolder(subjob_id, id));
  if (!existsSync(join(folder, CONSOLE_FILE))) {
    return 'unknown' satisfies SpecialGroup;
  }
  const pattern = failurePattern(folder, atomName(command_string, undefined));
  return pattern === '' ? ('silent' satisfies SpecialGroup) : `${LINES} ${pattern}`;
}

/** How the other atoms of a group are like the first one. */
const COMMON: Readonly<Record<string, readonly [one: string, several: string]>> = {
  lost: ['Another one was lost', 'others were lost'],
  unknown: ['Another one has no results here', 'others have no results here'],
  silent: ['Another one printed nothing', 'others printed nothing'],
};

function othersText(key: string, names: readonly string[]): string[] {
  if (names.length === 0) {
    return [];
  }
  const [one, several] = COMMON[key] ?? [
    'Another one ends with the same lines',
    'others end with the same lines',
  ];
  const more = names.length > MAX_ALIKE ? `, … and ${names.length - MAX_ALIKE} more` : '';
  const subject = names.length === 1 ? one : `${names.length} ${several}`;
  return [`    ${subject}: ${names.slice(0, MAX_ALIKE).join(', ')}${more}`];
}

/** The report of atoms that passed in a retry, with the folders of the results of their first failure. */
export function flakyReport(
  flaky: readonly FailedAtom[],
  variables: readonly string[],
  place: ResultPlace,
): string {
  const lines = flaky
    .slice(0, MAX_NAMED)
    .map(
      (atom) =>
        `--- FLAKY: ${cleanLine(atomName(atom.command_string, variables))}\n    it failed first: ${place.word(atomFolder(atom.subjob_id, atom.id))}`,
    );
  if (flaky.length > MAX_NAMED) {
    lines.push(`    … and ${flaky.length - MAX_NAMED} more`);
  }
  return lines.join('\n');
}

/** The report of atoms that were running when the build was ended. @param interrupted longest first */
export function interruptedReport(
  interrupted: readonly FailedAtom[],
  variables: readonly string[],
  place: ResultPlace,
): string {
  const lines = interrupted
    .slice(0, MAX_SHOWN)
    .map(
      (atom) =>
        `--- RUNNING AT THE END: ${cleanLine(atomName(atom.command_string, variables))}\n    ${cleanLine(atom.error ?? '')} Its output: ${place.word(atomFolder(atom.subjob_id, atom.id))}`,
    );
  if (interrupted.length > MAX_SHOWN) {
    lines.push(`    … and ${interrupted.length - MAX_SHOWN} more`);
  }
  return stripControlChars(lines.join('\n'));
}

/** `exit code 139 (SIGSEGV)`: names the signal of a shell's 128 + number. */
function howItEnded(code: number | null): string[] {
  if (code === null) {
    return [];
  }
  const [signal] = Object.entries(constants.signals).find(([, number]) => number === code - 128) ?? [];
  return [`    exit code ${code}${signal === undefined ? '' : ` (${signal})`}`];
}

/** The end of a console as lines of a report. */
function shownEnd(file: string, colors: boolean): readonly string[] {
  const end = consoleEnd(file, colors);
  if (end === null) {
    return ['(its results are not here)'];
  }
  if (end.lines.length === 0) {
    return ['(it printed nothing)'];
  }
  return end.isWhole ? end.lines : [`… (the whole console is in ${file})`, ...end.lines];
}
