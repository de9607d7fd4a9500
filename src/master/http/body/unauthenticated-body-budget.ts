import { Counter } from '../../../lib/counter.js';
import { ipPrefix } from '../../../lib/net/ip-prefix.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/** Bodies of the largest size that may be held for all unauthenticated senders together … */
const BODIES = 16;
/** … and for those of one address. */
const BODIES_OF_ADDRESS = 4;
/** A body up to this size is accepted whatever its address holds: most build requests are smaller. */
const SMALL_BYTES = 16 * 1024;

/** Limits the memory for bodies that must be read whole before their sender is authenticated. */
export class UnauthenticatedBodyBudget {
  readonly #limit: number;
  readonly #limitOfAddress: number;
  readonly #held = new Counter<string>();
  #all = 0;

  /** `ofBody`: bytes of the largest body that is accepted. */
  constructor(ofBody: number) {
    this.#limit = BODIES * ofBody;
    this.#limitOfAddress = BODIES_OF_ADDRESS * ofBody;
  }

  /**
   * Calls `read` with a function that reserves bytes until `read` has ended, to be called before they are allocated. It
   * throws ClusterRunnerError TOO_MANY_REQUESTS or UNAVAILABLE.
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
        `Your address sends too many large ${what} at once; try again when some have a response, or sign all parts.`,
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
