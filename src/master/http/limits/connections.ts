import type { Socket } from 'node:net';
import { ipPrefix } from '../../../lib/net/ip-prefix.js';

/** By the other end of it: over TLS a request knows another object than the connection that brought it. */
type End = string;

/**
 * The connections that are open, at most so many. When another comes, one makes room that nobody has shown on that he
 * has the secret: of the address that has the most of these, the oldest on which no request came, or else the oldest. So one address, or a few, cannot keep others
 * out, and whoever has shown the secret stays.
 */
export class Connections {
  readonly #most: number;
  readonly #open = new Map<End, { readonly socket: Socket; readonly network: string }>();
  /** No request has come on these yet. */
  readonly #unused = new Set<End>();
  /** By network, the oldest first. */
  readonly #unproved = new Map<string, Set<End>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** What must be turned away, unless nothing: an older one, or the newcomer itself. */
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

  /** A request came on it. */
  used(socket: Socket): void {
    this.#unused.delete(otherEnd(socket));
  }

  /** Who is at the other end has shown that he has the secret. */
  proved(socket: Socket): void {
    this.#dropUnproved(otherEnd(socket));
  }

  /** Browsers and pools connect ahead of time. */
  unused(): Socket[] {
    return [...this.#unused].flatMap((end) => this.#open.get(end)?.socket ?? []);
  }

  #add(socket: Socket): void {
    const end = otherEnd(socket);
    const network = ipPrefix(socket.remoteAddress ?? '');
    this.#open.set(end, { socket, network });
    this.#unused.add(end);
    this.#unproved.set(network, (this.#unproved.get(network) ?? new Set()).add(end));
    socket.once('close', () => {
      // One that was turned away may close when its port is in use again.
      if (this.#open.get(end)?.socket === socket) {
        this.#forget(end);
      }
    });
  }

  /** Undefined when everybody has shown the secret. */
  #leastWorth(): End | undefined {
    let most: ReadonlySet<End> = new Set();
    for (const ends of this.#unproved.values()) {
      if (ends.size > most.size) {
        most = ends;
      }
    }
    // What nobody asked anything on yet costs least.
    for (const end of most) {
      if (this.#unused.has(end)) {
        return end;
      }
    }
    return most.values().next().value;
  }

  #forget(end: End): void {
    this.#dropUnproved(end);
    this.#unused.delete(end);
    this.#open.delete(end);
  }

  #dropUnproved(end: End): void {
    const network = this.#open.get(end)?.network ?? '';
    const ends = this.#unproved.get(network);
    if (ends?.delete(end) === true && ends.size === 0) {
      this.#unproved.delete(network);
    }
  }
}

function otherEnd({ remoteAddress, remotePort }: Socket): End {
  return `${remoteAddress} ${remotePort}`;
}
