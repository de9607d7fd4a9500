import { closeSync, constants, fchmodSync, fstatSync, openSync, readSync } from 'node:fs';
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { hasCode } from '../../lib/error-code.js';

/** Receives output in order. The bytes are valid only during the call. Must not throw. */
export type OutputSink = (bytes: Buffer) => void;

/** Shared by all pipes: what is read is passed on before the next read. */
const BUFFER = Buffer.allocUnsafe(64 * 1024);
/** Most commands end earlier, and their output fits into the pipe: then nothing needs to listen. */
const LISTEN_AFTER_MS = 5;
/** After this process had no descriptor left to listen with. */
const RETRY_MS = 100;
/** After so many bytes a command that prints a lot is paused, so that others get their turn. */
const MAX_BURST_BYTES = 1024 * 1024;
const PAUSE_MS = 4;
/** More than a pipe holds. A process that still writes after the end of the command is not waited for. */
const MAX_LEFT_BYTES = 4 * 1024 * 1024;

/** A process that has the pipe open may open it again by its name (`> /dev/stderr`), but not for reading. */
const WRITE_ONLY = 0o222;
const READABLE = 0o600;

/**
 * A named pipe that takes stdout and stderr of one command after another. With a file, commands could overwrite their output;
 * a socket cannot be opened by its name (`> /dev/stderr`).
 */
export class ConsolePipe {
  /** For the redirections of a shell. */
  readonly path: string;
  readonly #fd: number;
  #sink: OutputSink | null = null;
  #timer: NodeJS.Timeout | null = null;
  #socket: Socket | null = null;
  #burstBytes = 0;

  /** Opens the named pipe `file`. `pathOf` returns the path for writers. @throws Error of the file system */
  constructor(file: string, pathOf: (fd: number) => string) {
    const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
    this.#fd = openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (!fstatSync(this.#fd).isFIFO()) {
      closeSync(this.#fd);
      throw new Error(`${file} was replaced by something that is not a pipe.`);
    }
    fchmodSync(this.#fd, WRITE_ONLY);
    this.path = pathOf(this.#fd);
  }

  /** From now on output goes to `sink`: soon, or when `finish` is called. */
  begin(sink: OutputSink): void {
    this.#sink = sink;
    this.#burstBytes = 0;
    this.#listenAfter(LISTEN_AFTER_MS);
  }

  /**
   * To be called when the command has ended: passes on the rest of its output. Returns false when a process that outlived it
   * still has the pipe open.
   */
  finish(): boolean {
    this.#stopListening();
    const sink = this.#sink;
    this.#sink = null;
    for (let left = MAX_LEFT_BYTES; left > 0; ) {
      const count = this.#read();
      if (count === null) {
        return false;
      }
      if (count === 0) {
        return true;
      }
      sink?.(BUFFER.subarray(0, count));
      left -= count;
    }
    return false;
  }

  /** Discards output until no process has the pipe open, so that no writer blocks. @throws Error of the file system */
  async drain(): Promise<void> {
    this.#sink = null;
    const socket = this.#listen();
    socket.unref();
    await new Promise((resolve) => {
      socket.once('close', resolve);
    });
  }

  close(): void {
    this.#stopListening();
    closeSync(this.#fd);
  }

  /** 0 when no process has it open for writing; null when one has, and there is nothing to read. */
  #read(): number | null {
    try {
      return readSync(this.#fd, BUFFER);
    } catch (error) {
      if (hasCode(error, 'EAGAIN')) {
        return null;
      }
      throw error;
    }
  }

  #listenAfter(ms: number): void {
    this.#timer = setTimeout(() => {
      try {
        this.#listen();
      } catch {
        // This process has no descriptor left. Writers wait meanwhile, and nothing is lost.
        this.#listenAfter(RETRY_MS);
      }
    }, ms);
  }

  /** @throws Error of the file system */
  #listen(): Socket {
    const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
      fd: this.#openAgain(),
      readable: true,
      writable: false,
      onread: { buffer: BUFFER, callback: (count) => this.#take(socket, BUFFER.subarray(0, count)) },
    };
    const socket = new Socket(options);
    // `finish` reads what could not be read now.
    socket.on('error', () => socket.destroy());
    this.#socket = socket;
    return socket;
  }

  /** For the socket, which closes its descriptor when all writers have closed the pipe. */
  #openAgain(): number {
    fchmodSync(this.#fd, READABLE);
    try {
      const path = this.path.startsWith('/proc/') ? `/proc/self/fd/${this.#fd}` : this.path;
      return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } finally {
      fchmodSync(this.#fd, WRITE_ONLY);
    }
  }

  /** Returns false to pause. */
  #take(socket: Socket, bytes: Buffer): boolean {
    this.#sink?.(bytes);
    this.#burstBytes += bytes.length;
    if (this.#burstBytes < MAX_BURST_BYTES) {
      return true;
    }
    this.#burstBytes = 0;
    setTimeout(() => {
      if (!socket.destroyed) {
        socket.resume();
      }
    }, PAUSE_MS).unref();
    return false;
  }

  #stopListening(): void {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    this.#socket?.destroy();
    this.#socket = null;
  }
}
