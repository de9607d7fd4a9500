import { closeSync, constants, fchmodSync, fstatSync, openSync, readSync } from 'node:fs';
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { hasCode } from '../../lib/error-code.js';

/** Takes what was printed, in order. The bytes are valid during the call only. Must not throw. */
export type OutputSink = (bytes: Buffer) => void;

/** Shared by all pipes: whatever is read is handed on before anything else is read. */
const BUFFER = Buffer.allocUnsafe(64 * 1024);
/** Most commands end before that, and what they print fits into the pipe meanwhile: nothing needs to listen. */
const LISTEN_AFTER_MS = 5;
/** When this process had no descriptor left to listen with. */
const RETRY_MS = 100;
/** A command that prints without end gets no more than this in one go, so that others have their turn … */
const READ_AT_ONCE = 1024 * 1024;
/** … and waits so long for the next. */
const PAUSE_MS = 4;
/** More than a pipe holds: whoever still writes when its command has ended is not waited for. */
const MAX_LEFT_BYTES = 4 * 1024 * 1024;

/** Anybody who has it open may open it again by its name (`> /dev/stderr`), but not to read it. */
const WRITE_ONLY = 0o222;
const READABLE = 0o600;

/**
 * A named pipe that takes stdout and stderr of one command after another: of a file, commands could take back what they
 * have printed; a socket, which other programs use, cannot be opened by its name.
 */
export class ConsolePipe {
  /** What a shell redirects to. */
  readonly path: string;
  readonly #fd: number;
  #sink: OutputSink | null = null;
  #timer: NodeJS.Timeout | null = null;
  #socket: Socket | null = null;
  #readInGo = 0;

  /** Opens the named pipe `file`. `pathOf` names the path for writers, given the descriptor. @throws the system's error */
  constructor(file: string, pathOf: (fd: number) => string) {
    const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
    this.#fd = openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (!fstatSync(this.#fd).isFIFO()) {
      closeSync(this.#fd);
      throw new Error(`${file} was replaced by something that is no pipe.`);
    }
    fchmodSync(this.#fd, WRITE_ONLY);
    this.path = pathOf(this.#fd);
  }

  /** From now on what is printed goes to `sink`, at the latest when `finish` is called. */
  begin(sink: OutputSink): void {
    this.#sink = sink;
    this.#readInGo = 0;
    this.#listenAfter(LISTEN_AFTER_MS);
  }

  /**
   * The command has ended: hands on what it has printed and nobody has read. False when a process that outlived it
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

  /** Reads on into nothing until nobody has it open any more, so that nobody who prints stands still. @throws the system's error */
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

  /** 0 when nobody has it open for writing, null when somebody has and there is nothing to read. */
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
        // This process has no descriptor left for now; whoever prints waits, and nothing is lost.
        this.#listenAfter(RETRY_MS);
      }
    }, ms);
  }

  /** @throws the system's error */
  #listen(): Socket {
    const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
      fd: this.#openAgain(),
      readable: true,
      writable: false,
      onread: { buffer: BUFFER, callback: (count) => this.#take(socket, BUFFER.subarray(0, count)) },
    };
    const socket = new Socket(options);
    // Whatever could not be read now is read when the command has ended.
    socket.on('error', () => socket.destroy());
    this.#socket = socket;
    return socket;
  }

  /** For the socket, which closes its descriptor when everybody has closed the pipe. */
  #openAgain(): number {
    fchmodSync(this.#fd, READABLE);
    try {
      const path = this.path.startsWith('/proc/') ? `/proc/self/fd/${this.#fd}` : this.path;
      return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } finally {
      fchmodSync(this.#fd, WRITE_ONLY);
    }
  }

  /** False to pause. */
  #take(socket: Socket, bytes: Buffer): boolean {
    this.#sink?.(bytes);
    this.#readInGo += bytes.length;
    if (this.#readInGo < READ_AT_ONCE) {
      return true;
    }
    this.#readInGo = 0;
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
