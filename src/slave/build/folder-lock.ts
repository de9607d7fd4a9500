import { mkdirSync, statSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Clock } from '../../lib/clock.js';
import { errorCode } from '../../lib/error-code.js';
import { tryLockDirectory } from '../../lib/fs/directory-lock.js';
import { listenOn } from '../../lib/net/listen-on.js';

const RETRY_MS = 200;
const MAX_HOLDER_CHARS = 200;

export interface FolderLockOptions {
  /** Describes the holder to those who wait. */
  readonly holder: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Called once when the lock is held by another, with the description of that holder. */
  onWait(holder: string): void;
}

/**
 * Takes the lock on a folder, which excludes other processes of this machine and other holders in this one; waits while it
 * is held. Resolves with a function that releases it; the end of this process releases it too. Nothing is written into the folder.
 * @throws the signal's reason
 */
export async function lockFolder(folder: string, options: FolderLockOptions): Promise<() => Promise<void>> {
  const { dev, ino } = statSync(folder);
  const name = `clusterrunner-folder-${process.getuid?.() ?? ''}-${dev}-${ino}`;
  const take = process.platform === 'linux' ? bindSocket : lockDirectory;
  let hasWaited = false;
  for (;;) {
    options.signal.throwIfAborted();
    const taken = await take(name, options.holder);
    if (typeof taken === 'function') {
      return taken;
    }
    if (!hasWaited) {
      hasWaited = true;
      options.onWait(taken.slice(0, MAX_HOLDER_CHARS));
    }
    await options.clock.sleep(RETRY_MS, options.signal);
  }
}

/** Releases the lock; or describes its holder. */
type Taken = (() => Promise<void>) | string;

/** An abstract socket address of Linux: no file, and the kernel frees it when the process ends. */
async function bindSocket(name: string, holder: string): Promise<Taken> {
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

/** Empty when the holder has just released it. */
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

async function lockDirectory(name: string): Promise<Taken> {
  const path = join(tmpdir(), name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = tryLockDirectory(path);
  return lock === null ? 'another process of this machine' : async () => lock.release();
}
