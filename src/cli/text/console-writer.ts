import { ControlCharStripper } from '../../lib/text/strip-control-chars.js';
import type { ConsolePage } from '../../protocol/build/work.js';

/**
 * Writes pages of a console that may still grow, each line once. An unfinished last line is requested again, and only its
 * new part is written.
 */
export class ConsoleWriter {
  /** The line from which the next page must begin. */
  nextLine = 0;
  readonly #print: (text: string) => void;
  readonly #colors: boolean;
  #stream: ControlCharStripper;
  /** The written part of a line that has no end yet. */
  #partial = '';

  /** `colors`: see StripOptions. */
  constructor(print: (text: string) => void, colors: boolean) {
    this.#print = print;
    this.#colors = colors;
    this.#stream = new ControlCharStripper({ colors });
  }

  /** Lines written, including an unfinished one. */
  get linesSeen(): number {
    return this.nextLine + (this.#partial === '' ? 0 : 1);
  }

  write(page: ConsolePage): void {
    if (page.num_lines === 0) {
      return;
    }
    if (page.offset_line > this.nextLine) {
      this.#leaveOut(page.offset_line - this.nextLine);
    }
    const text = page.content;
    this.#print(this.#stream.push(text.slice(lengthOfCommonBegin(this.#partial, text))));
    this.#partial = text.slice(text.lastIndexOf('\n') + 1);
    this.nextLine = page.offset_line + page.num_lines - (this.#partial === '' ? 0 : 1);
  }

  /** To be called when the atom runs again, with an empty console. */
  restart(): void {
    this.end();
    this.#print('--- clusterrunner: the atom runs again ---\n');
    this.#stream = new ControlCharStripper({ colors: this.#colors });
    this.nextLine = 0;
  }

  /** To be called after the last page. */
  end(): void {
    this.#print(this.#stream.end());
    this.#endLine();
  }

  #leaveOut(lines: number): void {
    this.#endLine();
    this.#print(`… clusterrunner: ${lines} lines are left out here until the atom has ended …\n`);
  }

  #endLine(): void {
    if (this.#partial !== '') {
      this.#print('\n');
      this.#partial = '';
    }
  }
}

/** The length of `before`, or less where its last character was cut. */
function lengthOfCommonBegin(before: string, text: string): number {
  let length = 0;
  while (length < before.length && before.charCodeAt(length) === text.charCodeAt(length)) {
    length += 1;
  }
  return length;
}
