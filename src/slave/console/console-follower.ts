import { unfinishedBytes } from '../../lib/text/utf8.js';
import type { AtomId } from '../../protocol/ids.js';
import { MAX_CONSOLE_PIECE_BYTES, type Progress } from '../../protocol/slave/slave-messages.js';
import type { ConsoleRecorder } from './console-recorder.js';

export type ConsolePiece = Progress['consoles'][number];

/** Of a console that grows faster than this between two looks only the end is sent on. */
const MAX_BEHIND_BYTES = 16 * MAX_CONSOLE_PIECE_BYTES;

/** Reads what an atom has printed since the last look, in pieces of bounded size and of whole characters. */
export class ConsoleFollower {
  readonly atom: AtomId;
  readonly #recorder: ConsoleRecorder;
  /** Of what was handed out. */
  #position = 0;

  constructor(atom: AtomId, recorder: ConsoleRecorder) {
    this.atom = atom;
    this.#recorder = recorder;
  }

  /** Something of it was handed out. */
  get hasBegun(): boolean {
    return this.#position > 0;
  }

  /** What is new, in order; empty when nothing is. */
  next(): ConsolePiece[] {
    const pieces: ConsolePiece[] = [];
    const { printed } = this.#recorder;
    const isFarBehind =
      printed - this.#position > MAX_BEHIND_BYTES || !this.#recorder.hasAllFrom(this.#position);
    let skipped: number | undefined;
    if (isFarBehind) {
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
