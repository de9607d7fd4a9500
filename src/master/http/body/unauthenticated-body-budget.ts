import { Counter } from '../../../lib/counter.js';
import { ipPrefix } from '../../../lib/net/ip-prefix.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/** So many of the largest bodies may be held of senders who have not shown that they have the secret … */
const BODIES = 16;
/** … and so many of one address. */
const BODIES_OF_ADDRESS = 4;
/** A body of this size is taken however much others of its address hold: a build is mostly ordered with less. */
const SMALL_BYTES = 16 * 1024;

/** Counts the bytes of bodies that must be in memory before it is known whether their sender has the secret. */
export class UnauthenticatedBodyBudget {
  readonly #limit: number;
  readonly #limitOfAddress: number;
  readonly #held = new Counter<string>();
  #all = 0;

  /** `ofBody`: bytes of the largest that is taken. */
  constructor(ofBody: number) {
    this.#limit = BODIES * ofBody;
    this.#limitOfAddress = BODIES_OF_ADDRESS * ofBody;
  }

  /**
   * Gives `read` what it has to call for all bytes that it holds, before it holds them, until it has ended; that
   * throws ClusterRunnerError TOO_MANY_REQUESTS, UNAVAILABLE.
   */
  async during<T>(address: string, read: (hold: (bytes: number) => void) => Promise<T>): Promise<T> {
    const network = ipPrefix(address);
    let held = 0;
    const hold = (bytes: number) => {
      this.#require(network, bytes, held + bytes <= SMALL_BYTES);
      held += bytes;
      this.#count(network, bytes);
    };
    try {
      return await read(hold);
    } finally {
      this.#count(network, -held);
    }
  }

  #require(network: string, bytes: number, isSmall: boolean): void {
    const what = 'bodies that are signed with a digest of the body alone';
    if (!isSmall && this.#held.of(network) + bytes > this.#limitOfAddress) {
      throw new ClusterRunnerError(
        'TOO_MANY_REQUESTS',
        `Your address sends too many large ${what} at once; try again when some are answered, or sign all parts.`,
        { retryAfterSeconds: 5 },
      );
    }
    if (this.#all + bytes > this.#limit) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `The master holds as many large ${what} as it can; try again later, or sign all parts.`,
        { retryAfterSeconds: 5 },
      );
    }
  }

  #count(network: string, bytes: number): void {
    this.#all += bytes;
    this.#held.add(network, bytes);
  }
}
