import { unfinishedBytes } from '../../lib/text/utf8.js';
import type { AtomId } from '../../protocol/ids.js';
import { MAX_CONSOLE_PIECE_BYTES, type Progress } from '../../protocol/slave/slave-messages.js';
import type { ConsoleRecorder } from './console-recorder.js';

export type ConsolePiece = Progress['consoles'][number];

/** When more than this is new, only the end of it is sent. */
const MAX_LAG_BYTES = 16 * MAX_CONSOLE_PIECE_BYTES;

/** Reads what an atom has printed since the last call of `next`, in pieces of limited size and whole characters. */
export class ConsoleFollower {
  readonly atom: AtomId;
  readonly #recorder: ConsoleRecorder;
  /** Where the next piece begins. */
  #position = 0;

  constructor(atom: AtomId, recorder: ConsoleRecorder) {
    this.atom = atom;
    this.#recorder = recorder;
  }

  /** Whether a piece has been returned. */
  get hasBegun(): boolean {
    return this.#position > 0;
  }

  /** New pieces in order; none when nothing is new. */
  next(): ConsolePiece[] {
    const pieces: ConsolePiece[] = [];
    const { printed } = this.#recorder;
    const isTooLate = printed - this.#position > MAX_LAG_BYTES || !this.#recorder.hasAllFrom(this.#position);
    let skipped: number | undefined;
    if (isTooLate) {
      const place = this.#recorder.placeNear(printed - MAX_CONSOLE_PIECE_BYTES);
      this.#position = place.position;
      skipped = place.lineEnds;
    }
    for (;;) {
      const bytes = this.#recorder.read(this.#position, MAX_CONSOLE_PIECE_BYTES);
      const content = bytes.subarray(0, bytes.length - unfinishedBytes(bytes));
      if (content.length === 0) {
        return pieces;
      }
      pieces.push({
        atom_id: this.atom,
        offset: this.#position,
        ...(skipped === undefined ? {} : { lines_before: skipped }),
        content: content.toString('base64'),
      });
      skipped = undefined;
      this.#position += content.length;
    }
  }
}
