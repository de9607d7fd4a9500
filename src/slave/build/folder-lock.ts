import { mkdirSync, statSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Clock } from '../../lib/clock.js';
import { errorCode } from '../../lib/error-code.js';
import { tryLockDirectory } from '../../lib/fs/directory-lock.js';
import { listenOn } from '../../lib/net/listen-on.js';

const LOOK_MS = 200;
const MAX_HOLDER_CHARS = 200;

export interface FolderLockOptions {
  /** Says who holds it, to those who wait. */
  readonly holder: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Called once when it must be waited for, with what its holder says of itself. */
  onWait(holder: string): void;
}

/**
 * Waits until no other process of this machine, and nobody else in this one, holds the lock on a folder, and takes it.
 * Resolves with what gives it up; the end of this process, however it ends, does so too. Nothing is written into the
 * folder.
 * @throws the signal's reason
 */
export async function lockFolder(folder: string, options: FolderLockOptions): Promise<() => Promise<void>> {
  const { dev, ino } = statSync(folder);
  const name = `clusterrunner-folder-${process.getuid?.() ?? ''}-${dev}-${ino}`;
  const take = process.platform === 'linux' ? takeSocket : takeClaim;
  let isTold = false;
  for (;;) {
    options.signal.throwIfAborted();
    const taken = await take(name, options.holder);
    if (typeof taken === 'function') {
      return taken;
    }
    if (!isTold) {
      isTold = true;
      options.onWait(taken.slice(0, MAX_HOLDER_CHARS));
    }
    await options.clock.sleep(LOOK_MS, options.signal);
  }
}

type Taken = (() => Promise<void>) | string;

/** Linux has names for sockets that are in no folder, and that nobody has when their process is gone. */
async function takeSocket(name: string, holder: string): Promise<Taken> {
  const server = createServer((connection) => {
    connection.on('error', () => connection.destroy());
    connection.end(holder);
  });
  const path = `\0${name}`;
  if (!(await listenOn(server, { path }))) {
    return holderAt(path);
  }
  return () => new Promise((resolve) => server.close(() => resolve()));
}

/** Empty when it has just gone. */
async function holderAt(path: string): Promise<string> {
  const connection = createConnection(path);
  try {
    return await text(connection);
  } catch (error) {
    if (errorCode(error) !== undefined) {
      return '';
    }
    throw error;
  } finally {
    connection.destroy();
  }
}

async function takeClaim(name: string): Promise<Taken> {
  const path = join(tmpdir(), name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const claim = tryLockDirectory(path);
  return claim === null ? 'another process of this machine' : async () => claim.release();
}
