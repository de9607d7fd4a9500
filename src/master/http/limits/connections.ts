import type { Socket } from 'node:net';
import { ipPrefix } from '../../../lib/net/ip-prefix.js';

/** Address and port of the peer: over TLS, a request has another socket object than its connection. */
type End = string;

/**
 * The open connections, up to a limit. A new one beyond it evicts an unauthenticated one, of the address that has the most
 * of these: the oldest without a request, or else the oldest. So a few addresses cannot keep others out, and authenticated
 * connections stay.
 */
export class Connections {
  readonly #most: number;
  readonly #open = new Map<End, { readonly socket: Socket; readonly network: string }>();
  /** Those without a request so far. */
  readonly #unused = new Set<End>();
  /** By address prefix, the oldest first. */
  readonly #unauthenticated = new Map<string, Set<End>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** The connection that must be closed for the new one, or the new one itself; null below the limit. */
  admit(socket: Socket): { readonly socket: Socket; readonly isUnused: boolean } | null {
    const surplus = this.#open.size < this.#most ? null : this.#leastWorth();
    if (surplus === undefined) {
      return { socket, isUnused: true };
    }
    this.#add(socket);
    const older = surplus === null ? undefined : this.#open.get(surplus);
    if (surplus === null || older === undefined) {
      return null;
    }
    const isUnused = this.#unused.has(surplus);
    this.#forget(surplus);
    return { socket: older.socket, isUnused };
  }

  /** To be called when a request arrives on the connection. */
  used(socket: Socket): void {
    this.#unused.delete(otherEnd(socket));
  }

  /** To be called when a request on the connection has a valid signature. */
  authenticated(socket: Socket): void {
    this.#dropUnauthenticated(otherEnd(socket));
  }

  /** Those without a request so far: browsers and pools connect ahead of time. */
  unused(): Socket[] {
    return [...this.#unused].flatMap((end) => this.#open.get(end)?.socket ?? []);
  }

  #add(socket: Socket): void {
    const end = otherEnd(socket);
    const network = ipPrefix(socket.remoteAddress ?? '');
    this.#open.set(end, { socket, network });
    this.#unused.add(end);
    this.#unauthenticated.set(network, (this.#unauthenticated.get(network) ?? new Set()).add(end));
    socket.once('close', () => {
      // An evicted one may close when its port is in use again.
      if (this.#open.get(end)?.socket === socket) {
        this.#forget(end);
      }
    });
  }

  /** Undefined when all are authenticated. */
  #leastWorth(): End | undefined {
    let most: ReadonlySet<End> = new Set();
    for (const ends of this.#unauthenticated.values()) {
      if (ends.size > most.size) {
        most = ends;
      }
    }
    // A connection without a request costs its client least.
    for (const end of most) {
      if (this.#unused.has(end)) {
        return end;
      }
    }
    return most.values().next().value;
  }

  #forget(end: End): void {
    this.#dropUnauthenticated(end);
    this.#unused.delete(end);
    this.#open.delete(end);
  }

  #dropUnauthenticated(end: End): void {
    const network = this.#open.get(end)?.network ?? '';
    const ends = this.#unauthenticated.get(network);
    if (ends?.delete(end) === true && ends.size === 0) {
      this.#unauthenticated.delete(network);
    }
  }
}

function otherEnd({ remoteAddress, remotePort }: Socket): End {
  return `${remoteAddress} ${remotePort}`;
}
