import { connect, type Socket } from 'node:net';

export interface LeanResponse {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Waiting {
  resolve(response: LeanResponse): void;
  reject(error: Error): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');
/** Shared by all sockets for reading; kept bytes are copied. */
const shared = Buffer.alloc(64 * 1024);

/**
 * A minimal HTTP/1.1 client for one server and JSON responses with a Content-Length: with a general client, a thousand
 * slaves in one process would measure that client. A connection has one request at a time, and is kept for the next.
 */
export class LeanHttp {
  readonly #port: number;
  readonly #host: string;
  readonly #idle: Line[] = [];
  readonly #lines = new Set<Line>();

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** `headers` in wire format, each line with its CRLF; Host and Content-Length are added. */
  request(method: string, target: string, headers: string, body: Buffer): Promise<LeanResponse> {
    const head = `${method} ${target} HTTP/1.1\r\nHost: ${this.#host}:${this.#port}\r\n${headers}Content-Length: ${body.length}\r\n\r\n`;
    const bytes = Buffer.allocUnsafe(Buffer.byteLength(head, 'latin1') + body.length);
    body.copy(bytes, bytes.write(head, 'latin1'));
    const line = this.#idle.pop() ?? this.#open();
    return new Promise((resolve, reject) => line.send(bytes, { resolve, reject }));
  }

  /** Requests in flight are cut off. */
  close(): void {
    for (const line of this.#lines) {
      line.cut();
    }
  }

  #open(): Line {
    const line: Line = new Line(this.#host, this.#port, {
      idle: () => this.#idle.push(line),
      closed: () => {
        this.#lines.delete(line);
        const place = this.#idle.indexOf(line);
        if (place !== -1) {
          this.#idle.splice(place, 1);
        }
      },
    });
    this.#lines.add(line);
    return line;
  }
}

/** One connection. */
class Line {
  readonly #socket: Socket;
  readonly #idle: () => void;
  #waiting: Waiting | null = null;
  /** Bytes of an incomplete response. */
  #part: Buffer | null = null;

  constructor(host: string, port: number, on: { idle(): void; closed(): void }) {
    this.#idle = on.idle;
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: { buffer: shared, callback: (bytes) => this.#read(shared.subarray(0, bytes)) },
    });
    let reason = new Error('The master closed the connection.');
    this.#socket.on('error', (error) => {
      reason = error;
    });
    this.#socket.on('close', () => {
      on.closed();
      this.#waiting?.reject(reason);
    });
  }

  send(bytes: Buffer, waiting: Waiting): void {
    this.#waiting = waiting;
    this.#socket.write(bytes);
  }

  cut(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): boolean {
    const all = this.#part === null ? bytes : Buffer.concat([this.#part, bytes]);
    const response = complete(all);
    if (response === null) {
      this.#part = Buffer.from(all);
      return true;
    }
    const waiting = this.#waiting;
    this.#part = null;
    this.#waiting = null;
    this.#idle();
    waiting?.resolve(response);
    return true;
  }
}

/** null until the response is complete. */
function complete(bytes: Buffer): LeanResponse | null {
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) {
    return null;
  }
  const [start = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const from = end + HEAD_END.length;
  const length = Number(headers['content-length']);
  if (!Number.isSafeInteger(length)) {
    throw new Error(`The master sent a response without Content-Length: ${start}`);
  }
  if (bytes.length < from + length) {
    return null;
  }
  const body = Buffer.from(bytes.subarray(from, from + length));
  return { status: Number(start.split(' ', 2)[1]), headers, body };
}
