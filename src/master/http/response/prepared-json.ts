import { Readable } from 'node:stream';

/**
 * A response whose JSON is made piece by piece while it is sent, since as a whole it would take much memory and time. The
 * type is that of the response.
 */
export class PreparedJson<Response> {
  /** Only for the type. */
  declare readonly response: Response;
  /** The memory that it holds until it is sent. */
  readonly bytes: number;
  readonly #members: () => Iterable<string>;

  /** `members` are those of the response's object as JSON text, without its braces. */
  constructor(bytes: number, members: () => Iterable<string>) {
    this.bytes = bytes;
    this.#members = members;
  }

  /** The whole response, with the members of `before` first and those of `more` last. */
  content(before: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>>): Readable {
    return Readable.from(this.#json(before, more), { objectMode: false });
  }

  *#json(
    before: Readonly<Record<string, unknown>>,
    more: Readonly<Record<string, unknown>>,
  ): Generator<string> {
    yield `${JSON.stringify(before).slice(0, -1)},`;
    yield* this.#members();
    const rest = JSON.stringify(more);
    yield rest === '{}' ? rest.slice(1) : `,${rest.slice(1)}`;
  }
}
