import type { RunAssignment, SubjobProgress } from '../../../src/protocol/slave/slave-messages.js';
import { LastLinesOfSubjob } from '../../../src/slave/console/last-lines.js';
import type { SimulatedAtom } from './simulated-atom.js';

type AtomProgress = SubjobProgress['atoms'][number];

export interface ScheduledAtom extends SimulatedAtom {
  readonly id: RunAssignment['atoms'][number]['id'];
  /** Milliseconds since the epoch. */
  readonly startsAt: number;
  readonly endsAt: number;
}

export interface WorkPlace {
  /** When the lease arrived. */
  readonly arrivedAt: number;
  /** When the build is set up on the slave. */
  readonly readyAt: number;
  /** Index of the executor on its slave. */
  readonly executor: number;
}

/** A subjob in the hands of a simulated slave. Times are milliseconds since the epoch. */
export class SimulatedWork {
  readonly assignment: RunAssignment;
  readonly place: WorkPlace;
  readonly atoms: readonly ScheduledAtom[];
  readonly endsAt: number;
  readonly #sentBytes = new Map<number, number>();
  #reportedUntil: number;

  constructor(assignment: RunAssignment, runs: readonly SimulatedAtom[], place: WorkPlace) {
    this.assignment = assignment;
    this.place = place;
    const startsAt = Math.max(place.arrivedAt, place.readyAt);
    let at = startsAt;
    this.atoms = assignment.atoms.flatMap(({ id }, position) => {
      const run = runs[position];
      if (run === undefined) {
        return [];
      }
      const began = at;
      at += Math.round(run.seconds * 1000);
      return [{ ...run, id, startsAt: began, endsAt: at }];
    });
    this.endsAt = at;
    this.#reportedUntil = startsAt - 1;
  }

  /** Seconds from the arrival of the lease. */
  sinceArrival(moment: number): number {
    return (moment - this.place.arrivedAt) / 1000;
  }

  /** The changes of its atoms since the last call. */
  progressUntil(now: number): AtomProgress[] {
    const since = this.#reportedUntil;
    this.#reportedUntil = now;
    return this.atoms.flatMap(({ id, startsAt, endsAt, exitCode, seconds }): AtomProgress[] => {
      const began = this.sinceArrival(startsAt);
      if (endsAt <= now && endsAt > since) {
        const ended = { exit_code: exitCode, actual_time: seconds, began, ...this.lastLines(id) };
        return [{ id, state: 'COMPLETED', ...ended }];
      }
      const hasBegun = startsAt <= now && startsAt > since && endsAt > now;
      return hasBegun ? [{ id, state: 'IN_PROGRESS', exit_code: null, actual_time: null, began }] : [];
    });
  }

  /** The end of the output of an atom that fails, if it is a text. */
  lastLines(atom: ScheduledAtom['id']): { readonly last_lines?: string } {
    const found = this.atoms.find(({ id }) => id === atom);
    if (found === undefined || typeof found.output !== 'string') {
      return {};
    }
    const output = Buffer.from(found.output);
    const read = (from: number, length: number) => output.subarray(from, from + length);
    return new LastLinesOfSubjob(this.assignment).of({ printed: output.length, read }, found.exitCode);
  }

  /** Whole lines that the running atom has printed since the last call, if its output is a text. */
  outputUntil(now: number): { atom: ScheduledAtom; offset: number; piece: string } | null {
    const atom = this.atoms.find(({ startsAt, endsAt }) => startsAt <= now && now < endsAt);
    if (atom === undefined || typeof atom.output !== 'string') {
      return null;
    }
    const share = (now - atom.startsAt) / (atom.endsAt - atom.startsAt);
    const printed = atom.output.slice(0, Math.floor(atom.output.length * share));
    const lines = printed.slice(0, printed.lastIndexOf('\n') + 1);
    const sent = this.#sentBytes.get(atom.id) ?? 0;
    const bytes = Buffer.from(lines);
    this.#sentBytes.set(atom.id, bytes.length);
    const piece = bytes.subarray(sent).toString();
    return piece === '' ? null : { atom, offset: sent, piece };
  }
}
