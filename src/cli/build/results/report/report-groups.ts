import { type Dir, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { atomName } from '../../../../job/atom-name.js';
import { hasCode } from '../../../../lib/error-code.js';
import { stripControlChars } from '../../../../lib/text/strip-control-chars.js';
import { textStart } from '../../../../lib/text/text-ends.js';
import type { Build } from '../../../../protocol/build/build.js';
import type { Atom } from '../../../../protocol/build/work.js';
import { atomFolder } from '../../../../protocol/ids.js';
import { CONSOLE_FILE } from '../../../../protocol/results/archive-names.js';
import type { ReportedGroup } from '../../../../protocol/results/report-data.js';
import { consoleEnd } from '../console-end.js';
import { addToGroup, failurePattern, largestFirst } from '../like-failures.js';
import { rerunByHand } from '../rerun-by-hand.js';
import type { ResultPlace } from '../result-place.js';

/** The outputs of so many failed atoms are compared. */
export const MAX_COMPARED_ATOMS = 2000;
/** So many groups are in a report. */
const MAX_GROUPS = 100;
/** UTF-16 units of an error. */
const MAX_ERROR = 2000;
/** So many files of the first atom of a group are named. */
const MAX_FILES = 20;
/** An atom may leave a million folders. */
const MAX_FOLDERS = 50;
/** Atoms between two yields to the event loop, each of which takes some tenths of a millisecond. */
const ATOMS_AT_ONCE = 100;
/** Begins the names of files that the program adds to the folder of an atom. */
const OWN_FILE = 'clusterrunner_';

/** The folder of a build's results. */
export interface ReportedResults {
  /** Where they are now. */
  readonly directory: string;
  /** Where they will be. */
  readonly place: Pick<ResultPlace, 'word'>;
  /** Whether they have a folder of this name. */
  readonly hasFolder: (name: string) => boolean;
}

/** A group of a report with the ids of its atoms. */
export interface FoundGroup extends Omit<ReportedGroup, 'places' | 'num_atoms'> {
  readonly ids: readonly number[];
}

type FailedBuild = Pick<Build, 'failed_atoms' | 'atom_variables' | 'request_params'>;

/**
 * The failed atoms of a build in groups whose outputs end alike, largest first, and how many there are.
 * @throws the file system's error; the signal's reason
 */
export async function findGroups(
  build: FailedBuild,
  results: ReportedResults,
  signal: AbortSignal,
): Promise<{ readonly groups: readonly FoundGroup[]; readonly total: number }> {
  const byKey = new Map<string, [Atom, ...Atom[]]>();
  for (const [place, atom] of (build.failed_atoms ?? []).entries()) {
    if (place % ATOMS_AT_ONCE === 0) {
      await yieldToEventLoop();
      signal.throwIfAborted();
    }
    addToGroup(byKey, keyOf(atom, place, results), atom);
  }
  const sorted = largestFirst(byKey).sort(([key], [other]) => Number(key === REST) - Number(other === REST));
  return {
    groups: sorted
      .slice(0, MAX_GROUPS)
      .map(([key, atoms], place) => describe(key, place, atoms, build, results)),
    total: sorted.length,
  };
}

const LINES = 'lines ';
const REST = 'rest';

/** LINES and the pattern of an output, or the key of a group without lines in common. */
function keyOf(atom: Atom, place: number, { directory, hasFolder }: ReportedResults): string {
  const folder = atomFolder(atom.subjob_id, atom.id);
  if (atom.error !== null) {
    return 'lost';
  }
  if (!hasFolder(folder)) {
    return 'unknown';
  }
  if (place >= MAX_COMPARED_ATOMS) {
    return REST;
  }
  const pattern = failurePattern(join(directory, folder), atomName(atom.command_string, undefined));
  return pattern === '' ? 'silent' : LINES + pattern;
}

function describe(
  key: string,
  place: number,
  atoms: readonly [Atom, ...Atom[]],
  { request_params: request }: FailedBuild,
  { directory, place: later, hasFolder }: ReportedResults,
): FoundGroup {
  const [first] = atoms;
  const name = atomFolder(first.subjob_id, first.id);
  const folder = hasFolder(name) ? name : null;
  const hasLines = key.startsWith(LINES);
  return {
    key: hasLines ? String(place) : key,
    ids: atoms.map(({ id }) => id),
    lines: hasLines ? (consoleEnd(join(directory, name, CONSOLE_FILE), true)?.lines ?? []) : [],
    error: first.error === null ? null : textStart(stripControlChars(first.error), MAX_ERROR),
    rerun: folder === null ? null : rerunByHand(folder, later, directory, request.type !== 'directory'),
    folder,
    files: folder === null ? [] : firstFiles(join(directory, folder)),
  };
}

/** null for a folder that an atom left unreadable. */
function openReadable(folder: string): Dir | null {
  try {
    return opendirSync(folder);
  } catch (error) {
    if (hasCode(error, 'EACCES', 'ENOENT')) {
      return null;
    }
    throw error;
  }
}

/** The paths of some files that an atom left, those nearest to its folder first. Links are left out, since they may lead anywhere. */
function firstFiles(folder: string): string[] {
  const files: string[] = [];
  const waiting = [''];
  for (let seen = 0; waiting.length > 0 && seen < MAX_FOLDERS && files.length < MAX_FILES; seen += 1) {
    const inner = waiting.shift() ?? '';
    const open = openReadable(join(folder, inner));
    if (open === null) {
      continue;
    }
    try {
      for (let entry = open.readSync(); entry !== null && files.length < MAX_FILES; entry = open.readSync()) {
        const path = inner === '' ? entry.name : `${inner}/${entry.name}`;
        if (entry.isFile() && !path.startsWith(OWN_FILE)) {
          files.push(path);
        } else if (entry.isDirectory() && waiting.length < MAX_FOLDERS) {
          waiting.push(path);
        }
      }
    } finally {
      open.closeSync();
    }
  }
  return files.sort();
}
