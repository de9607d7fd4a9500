import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { listenOn, portOf } from '../../lib/net/listen-on.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import type { App } from './app.js';
import { limitRequestsPerTurn } from './limits/requests-per-turn.js';
import { serializePipelined } from './limits/serialize-pipelined.js';
import { respondFull, respondUnparsable } from './response/raw-responses.js';
import { keepRenewed, type TlsFiles, tlsOptions } from './tls.js';

/**
 * Connections that wait to be accepted. Node's 511 are fewer than the slaves that reconnect at once after an outage of the
 * master, and more would be reset. The system may allow less (`net.core.somaxconn`).
 */
const BACKLOG = 4096;

export interface ListenOptions {
  /** 0: any free one. */
  readonly port: number;
  /** The address to listen on; all of them unless given. */
  readonly hostname?: string;
  /** The port was requested explicitly, so no other will do. */
  readonly explicit: boolean;
  /** Serves HTTPS with this certificate; HTTP when null or not given. */
  readonly tls?: TlsFiles | null;
}

export interface Listening {
  readonly port: number;
  /** The requested port is taken, and this is another. */
  readonly replaced: boolean;
  /** Ends long polls, lets responses in progress finish, and cuts them off after a grace period. */
  close(): Promise<void>;
}

/** For a whole request: ten gigabytes at three megabytes a second. IDLE_MS ends those without progress. */
const REQUEST_MS = 3_600_000;
/** Longer than the longest long poll (60 s), during which nothing is sent. */
const IDLE_MS = 120_000;
/** Longer than clients keep a connection, so that they close it, and no request meets a closed one. */
const KEEP_ALIVE_MS = 65_000;
const GRACE_MS = 3_000;
const WARN_EVERY_MS = 60_000;

/** @throws ClusterRunnerError PORT_IN_USE, CONFIG_INVALID (no such address, no right to the port) */
export async function listen(app: App, options: ListenOptions): Promise<Listening> {
  const server = createHttpServer(app, options.tls ?? null);
  limitConnections(app, server);
  respondToUnparsable(app, server);
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
  return { port: portOf(server), replaced: taken, close: () => close(app, server) };
}

function createHttpServer({ settings, handle }: App, tls: TlsFiles | null): Server {
  const options = {
    maxHeaderSize: settings.maxHeaderBytes,
    headersTimeout: settings.headerTimeout * 1000,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Node checks for late ones every half minute by default.
    connectionsCheckingInterval: Math.min(30_000, settings.headerTimeout * 500),
    // The app refuses requests without Host itself, with a message, which Node's refusal lacks.
    requireHostHeader: false,
  };
  const listener = serializePipelined(limitRequestsPerTurn(handle));
  if (tls === null) {
    const server = createServer(options, listener);
    server.timeout = IDLE_MS;
    return server;
  }
  const server = createTlsServer({ ...options, ...tlsOptions(tls) }, listener);
  server.timeout = IDLE_MS;
  keepRenewed(server, tls);
  return server;
}

/** Only where no response is under way: bytes in the middle of one would be taken for a part of it. */
function respondToUnparsable({ sessionId }: App, server: Server): void {
  const last = new WeakMap<Duplex, { request: IncomingMessage; response: ServerResponse }>();
  server.on('request', (request, response) => last.set(request.socket, { request, response }));
  server.on('clientError', (error, socket) => {
    const before = last.get(socket);
    const isIdle = before?.request.complete === true && before.response.writableFinished;
    const isUnused = !(socket instanceof Socket) || socket.bytesWritten === 0;
    if (isIdle || isUnused) {
      respondUnparsable(error, socket, sessionId);
    } else {
      socket.destroy();
    }
  });
}

/** Closes one connection for each that comes above the limit. */
function limitConnections({ connections, settings, log, sessionId }: App, server: Server): void {
  const most = settings.maxConnections;
  let loggedAt = Number.NEGATIVE_INFINITY;
  // Node closes connections without a response; above this margin it does so for those that do not read theirs.
  server.maxConnections = most + Math.ceil(most / 10) + 10;
  server.on('connection', (socket: Socket) => {
    const surplus = connections.admit(socket);
    if (surplus !== null && performance.now() - loggedAt > WARN_EVERY_MS) {
      loggedAt = performance.now();
      log.warn(`${most} connections are open, as many as the master keeps: each new one closes another.`);
    }
    if (surplus?.isUnused === true && !(server instanceof TlsServer)) {
      respondFull(surplus.socket, sessionId);
    } else {
      // Bytes in the middle of a response would be taken for a part of it, and over TLS they cannot be read at all.
      surplus?.socket.destroy();
    }
  });
  server.on('request', ({ socket }) => connections.used(socket));
}

/** False when the port is taken. */
async function tryListen(server: Server, port: number, host: string | undefined): Promise<boolean> {
  try {
    return await listenOn(server, { port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) });
  } catch (error) {
    throw new ClusterRunnerError(
      'CONFIG_INVALID',
      `The master cannot listen on ${host ?? 'every address'}, port ${port}: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

/** Node counts a connection without a request as busy, and would wait for it. */
function close({ connections, stop }: App, server: Server): Promise<void> {
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
    stop();
    server.closeIdleConnections();
    for (const socket of connections.unused()) {
      socket.destroy();
    }
  });
}
