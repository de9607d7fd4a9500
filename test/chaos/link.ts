import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { deferred } from '../../src/lib/async/deferred.js';

/**
 * - clear: bytes pass.
 * - refusing: connections are reset.
 * - lost: bytes vanish, and connections made meanwhile are reset when the weather clears.
 * - held: bytes wait until it clears, and then arrive.
 * - slow: each piece takes `ms`.
 */
export type Weather =
  | { readonly kind: 'clear' | 'refusing' | 'lost' | 'held' }
  | { readonly kind: 'slow'; readonly ms: number };

/** Affects the next traffic, once. */
export type Mishap =
  /** After so many bytes of a request both sides are reset. */
  | { readonly kind: 'cut request'; bytes: number }
  /**
   * After the first byte of a response both sides are reset: the request was carried out, and its sender does not
   * know.
   */
  | { readonly kind: 'cut response' }
  /** The next piece of a request is sent a second time, later, on a connection of its own. */
  | { readonly kind: 'replay'; readonly delayMs: number };

/** Waits for a request that starts like this, and acts when it has been passed on. */
export interface Trap {
  readonly begins: RegExp;
  readonly spring: () => void;
}

const MAX_PIECE = 16 * 1024;

/** A network link to a server of this machine, with weather and mishaps. */
export class Link {
  readonly #server: Server;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #mishaps: Mishap[] = [];
  readonly #traps: Trap[] = [];
  #weather: Weather = { kind: 'clear' };
  #cleared = deferred<void>();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      this.#connected(client).catch(() => client.destroy());
    });
  }

  static async open(target: number): Promise<Link> {
    const link = new Link(target);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') {
      throw new Error('The link is closed.');
    }
    return address.port;
  }

  get weather(): Weather {
    return this.#weather;
  }

  set weather(weather: Weather) {
    this.#weather = weather;
    this.#cleared.resolve();
    this.#cleared = deferred<void>();
    if (weather.kind === 'refusing') {
      this.resetAll();
    }
  }

  happen(mishap: Mishap): void {
    this.#mishaps.push(mishap);
  }

  set(trap: Trap): void {
    this.#traps.push(trap);
  }

  /** Removes mishaps and traps that nothing has triggered yet. */
  calm(): void {
    this.#traps.length = 0;
    this.#mishaps.length = 0;
    this.weather = { kind: 'clear' };
  }

  resetAll(): void {
    for (const socket of this.#sockets) {
      socket.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    this.resetAll();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #connected(client: Socket): Promise<void> {
    this.#keep(client);
    if (this.#weather.kind === 'refusing') {
      client.resetAndDestroy();
      return;
    }
    await this.#passable();
    const master = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true });
    this.#keep(master);
    const tear = () => {
      client.resetAndDestroy();
      master.resetAndDestroy();
    };
    this.#pump(client, master, (piece) => this.#onRequest(piece, master, tear)).catch(tear);
    this.#pump(master, client, (piece) => this.#onResponse(piece, client, tear)).catch(tear);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // The pumps notice it by the end of the iteration.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #pump(from: Socket, to: Socket, pass: (piece: Buffer) => Promise<void>): Promise<void> {
    for await (const chunk of from) {
      if (!Buffer.isBuffer(chunk)) {
        throw new Error('A socket gave text.');
      }
      for (let at = 0; at < chunk.length; at += MAX_PIECE) {
        await this.#passable();
        await pass(chunk.subarray(at, at + MAX_PIECE));
      }
    }
    await this.#passable();
    to.end();
  }

  /** Waits for weather in which bytes pass. @throws Error when they are lost for good */
  async #passable(): Promise<void> {
    let isLost = false;
    while (this.#weather.kind === 'held' || this.#weather.kind === 'lost') {
      isLost ||= this.#weather.kind === 'lost';
      await this.#cleared.promise;
    }
    if (isLost) {
      throw new Error('What was sent is lost.');
    }
    if (this.#weather.kind === 'slow') {
      await sleep(this.#weather.ms);
    }
  }

  async #onRequest(piece: Buffer, master: Socket, tear: () => void): Promise<void> {
    const mishap = this.#mishaps.find(({ kind }) => kind !== 'cut response');
    if (mishap?.kind === 'cut request') {
      const passing = piece.subarray(0, mishap.bytes);
      mishap.bytes -= passing.length;
      await write(master, passing);
      if (passing.length < piece.length || mishap.bytes <= 0) {
        this.#forget(mishap);
        // Destroying it at once could overtake the last written bytes.
        await sleep(20);
        tear();
      }
      return;
    }
    if (mishap?.kind === 'replay') {
      this.#forget(mishap);
      void this.#replay(Buffer.from(piece), mishap.delayMs);
    }
    await write(master, piece);
    const head = piece.toString('latin1', 0, 200);
    const sprung = this.#traps.findIndex(({ begins }) => begins.test(head));
    if (sprung !== -1) {
      this.#traps.splice(sprung, 1)[0]?.spring();
    }
  }

  async #onResponse(piece: Buffer, client: Socket, tear: () => void): Promise<void> {
    const mishap = this.#mishaps.find(({ kind }) => kind === 'cut response');
    if (mishap === undefined) {
      await write(client, piece);
      return;
    }
    this.#forget(mishap);
    await write(client, piece.subarray(0, 1));
    await sleep(20);
    tear();
  }

  #forget(mishap: Mishap): void {
    this.#mishaps.splice(this.#mishaps.indexOf(mishap), 1);
  }

  async #replay(bytes: Buffer, delayMs: number): Promise<void> {
    await sleep(delayMs);
    const again = connect(this.#target, '127.0.0.1');
    this.#keep(again);
    again.resume();
    again.end(bytes);
  }
}

async function write(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed) {
    throw new Error('The other side has gone.');
  }
  if (bytes.length > 0 && !socket.write(bytes)) {
    await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  }
}
