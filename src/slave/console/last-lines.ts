import { endOfOutput } from '../../lib/text/end-of-output.js';
import { MAX_LAST_LINES, MAX_LAST_LINES_BYTES, takes } from '../../protocol/slave/optional-reports.js';
import type { RunAssignment } from '../../protocol/slave/slave-messages.js';
import type { ConsoleRecorder } from './console-recorder.js';

/** For all atoms of a subjob together: where thousands fail, the first few hundred are enough to see why. */
const MAX_BYTES_OF_SUBJOB = 1024 * 1024;

/** The ends of the consoles of atoms that fail, for the reports about one subjob. */
export class LastLinesOfSubjob {
  #left: number;

  constructor(assignment: Pick<RunAssignment, 'takes'>) {
    this.#left = takes(assignment, 'last_lines') ? MAX_BYTES_OF_SUBJOB : 0;
  }

  /** The field of the report of an atom that has ended: absent when it has passed, or when the master does not take it. */
  of(console: Pick<ConsoleRecorder, 'printed' | 'read'>, exitCode: number): { readonly last_lines?: string } {
    if (exitCode === 0 || this.#left <= 0) {
      return {};
    }
    const last_lines = lastLines(console);
    this.#left -= Buffer.byteLength(last_lines);
    return { last_lines };
  }
}

function lastLines(console: Pick<ConsoleRecorder, 'printed' | 'read'>): string {
  const from = Math.max(0, console.printed - MAX_LAST_LINES_BYTES - 1);
  const bytes = console.read(from, MAX_LAST_LINES_BYTES + 1);
  return endOfOutput(bytes, from > 0, MAX_LAST_LINES, MAX_LAST_LINES_BYTES);
}
