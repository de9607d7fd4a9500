/** Events of the master have less than a tenth of it. */
const MAX_CHARS = 1024 * 1024;
const DATA = /^data: ?(.*)$/gm;

/**
 * Takes the pieces of a stream of events as the master writes it: lines end with a line feed, and each event has its JSON in
 * lines `data:`. The format is that of server-sent events (HTML standard, section 9.2), of which a master needs no more.
 */
export class EventData {
  #rest = '';

  /** @returns the data of the events that this piece completes. @throws Error when an event is too long */
  push(piece: string): string[] {
    const blocks = (this.#rest + piece).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    if (this.#rest.length > MAX_CHARS) {
      throw new Error('An event of the master is longer than 1 MiB.');
    }
    return blocks
      .map((block) => [...block.matchAll(DATA)].map(([, line]) => line).join('\n'))
      .filter((data) => data !== '');
  }
}
