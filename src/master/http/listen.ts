import { createServer, type Server } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import { API_VERSION } from '../../protocol/routes.js';
import { type App, STOPPING } from './app.js';

export interface ListenOptions {
  /** 0: any free one. */
  readonly port: number;
  /** The address to listen on; all of them unless given. */
  readonly hostname?: string;
  /** The port was asked for by name, so no other will do. */
  readonly explicit: boolean;
}

export interface Listening {
  readonly port: number;
  /** The port that was asked for is taken, and this is another. */
  readonly replaced: boolean;
  /** Ends long polls, lets answers that are under way go out, and cuts off what takes longer than that. */
  close(): Promise<void>;
}

const HEADERS_MS = 20_000;
/** Of a whole request: ten gigabytes at three megabytes a second. Who sends nothing is cut off by IDLE_MS. */
const REQUEST_MS = 3_600_000;
/** Longer than the longest long poll (60 s), during which nothing passes. */
const IDLE_MS = 120_000;
/** Longer than clients keep a connection, so that it is they who close it, and no request meets a closed one. */
const KEEP_ALIVE_MS = 65_000;
const GRACE_MS = 3_000;

/** @throws ClusterRunnerError PORT_IN_USE, CONFIG_INVALID (no such address, no right to the port) */
export async function listen(app: App, options: ListenOptions): Promise<Listening> {
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The app refuses what has no Host: with a sentence, which Node's own refusal has not.
      requireHostHeader: false,
    },
    app.callback(),
  );
  server.timeout = IDLE_MS;
  const unused = connectionsWithoutRequest(server);
  server.on('clientError', (error, socket) => answerUnparsable(error, socket, app.sessionId));
  const taken = !(await tryListen(server, options.port, options.hostname));
  if (taken && options.explicit) {
    throw new ClusterRunnerError(
      'PORT_IN_USE',
      `Port ${options.port} is taken by another program; stop that, or choose another port with --port.`,
    );
  }
  if (taken && !(await tryListen(server, 0, options.hostname))) {
    throw new ClusterRunnerError('PORT_IN_USE', 'No port is free on this machine.');
  }
  return { port: portOf(server), replaced: taken, close: () => close(app, server, unused) };
}

/** False when the port is taken. */
function tryListen(server: Server, port: number, hostname: string | undefined): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      server.off('listening', listening);
      if (error.code === 'EADDRINUSE') {
        resolve(false);
      } else {
        const where = `${hostname ?? 'every address'}, port ${port}`;
        reject(
          new ClusterRunnerError(
            'CONFIG_INVALID',
            `The master cannot listen on ${where}: ${messageOf(error)}.`,
            {
              cause: error,
            },
          ),
        );
      }
    };
    const listening = () => {
      server.off('error', failed);
      resolve(true);
    };
    server.once('error', failed);
    server.once('listening', listening);
    server.listen(hostname === undefined ? { port } : { port, host: hostname });
  });
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('A server on a TCP port has no port.');
  }
  return address.port;
}

/** Browsers and pools connect ahead of time. Node counts such a connection as busy, and would wait for it. */
function connectionsWithoutRequest(server: Server): ReadonlySet<Socket> {
  const unused = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  return unused;
}

function close(app: App, server: Server, unused: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve, reject) => {
    const cutOff = setTimeout(() => server.closeAllConnections(), GRACE_MS);
    server.close((error) => {
      clearTimeout(cutOff);
      if (error === undefined) {
        resolve();
      } else {
        reject(error);
      }
    });
    app.emit(STOPPING);
    server.closeIdleConnections();
    for (const socket of unused) {
      socket.destroy();
    }
  });
}

/** What is no HTTP, or too slow, or has headers that are too large, never reaches the app. */
function answerUnparsable(error: NodeJS.ErrnoException, socket: Duplex, sessionId: string | undefined): void {
  if (!socket.writable || (socket instanceof Socket && socket.bytesWritten > 0)) {
    // An answer may be half written: a second one in its middle would be taken for a part of it.
    socket.destroy();
    return;
  }
  const [status, code, sentence] = refusalOf(error.code);
  const body = JSON.stringify({ STATUS: 'FAILURE', error: sentence, code });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Api-Version: ${API_VERSION}\r\n${sessionId === undefined ? '' : `Session-Id: ${sessionId}\r\n`}` +
      `Connection: close\r\n\r\n${body}`,
  );
}

function refusalOf(code: string | undefined): [status: string, code: string, sentence: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [
        '431 Request Header Fields Too Large',
        'INVALID_REQUEST',
        'The headers of the request are too large.',
      ];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['408 Request Timeout', 'INVALID_REQUEST', 'The request took too long to arrive.'];
    default:
      return ['400 Bad Request', 'INVALID_REQUEST', 'This is not a valid HTTP request.'];
  }
}
