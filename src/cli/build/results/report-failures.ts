import { existsSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { atomName } from '../../../job/atom-name.js';
import { cleanLine, stripControlChars } from '../../../lib/text/strip-control-chars.js';
import { textStart } from '../../../lib/text/text-ends.js';
import type { Build } from '../../../protocol/build/build.js';
import type { Atom } from '../../../protocol/build/work.js';
import { atomFolder } from '../../../protocol/ids.js';
import type { ReportFailure } from '../../../protocol/report-data.js';
import { CONSOLE_FILE, EXIT_CODE_FILE } from '../../../protocol/results/archive-names.js';
import { consoleEnd } from './console-end.js';
import { exitCodeIn, failedAlike } from './like-failures.js';

/** Groups that a report has. */
const MAX_GROUPS = 200;
const MAX_NAMES = 20;
const MAX_NAME = 300;
const MAX_FILES = 50;
/** An artifact may have a folder for each of a million files. */
const MAX_FOLDERS = 50;

/** The failures of a build in groups, with the ends of their outputs, and how many groups there are. */
export function reportFailures(
  build: Pick<Build, 'failed_atoms' | 'atom_variables'>,
  directory: string,
): { readonly failures: ReportFailure[]; readonly numGroups: number } {
  const nameOf = (atom: Atom) =>
    textStart(cleanLine(atomName(atom.command_string, build.atom_variables)), MAX_NAME);
  const groups = failedAlike(build.failed_atoms ?? [], directory, nameOf);
  const failures = groups.slice(0, MAX_GROUPS).map((group) => {
    const [first] = group;
    const name = atomFolder(first.subjob_id, first.id);
    const folder = join(directory, name);
    const hasFolder = existsSync(folder);
    const isLost = first.error !== null;
    return {
      names: group.slice(0, MAX_NAMES).map(nameOf),
      num_atoms: group.length,
      outcome: isLost ? 'LOST' : 'FAILED',
      seconds: first.actual_time,
      slave: first.slave === null ? null : textStart(cleanLine(first.slave), MAX_NAME),
      exit_code: isLost ? null : (exitCodeIn(join(folder, EXIT_CODE_FILE)) ?? first.exit_code),
      lines: isLost
        ? stripControlChars(first.error ?? '').split('\n')
        : (consoleEnd(join(folder, CONSOLE_FILE), false)?.lines ?? []),
      folder: hasFolder ? name : null,
      files: hasFolder ? firstFiles(folder) : [],
    } satisfies ReportFailure;
  });
  return { failures, numGroups: groups.length };
}

/** The paths of some files in a folder, those nearest to it first. Links are left out, since they may lead anywhere. */
function firstFiles(folder: string): string[] {
  const files: string[] = [];
  const waiting = [''];
  for (let seen = 0; waiting.length > 0 && seen < MAX_FOLDERS && files.length < MAX_FILES; seen += 1) {
    const inner = waiting.shift() ?? '';
    const open = opendirSync(join(folder, inner));
    try {
      for (let entry = open.readSync(); entry !== null && files.length < MAX_FILES; entry = open.readSync()) {
        const path = inner === '' ? entry.name : `${inner}/${entry.name}`;
        if (entry.isFile()) {
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
