import { createHash } from 'node:crypto';
import { createWriteStream, readdirSync, statSync } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { KeyedMutex } from '../../lib/async/keyed-mutex.js';
import type { Clock } from '../../lib/clock.js';
import { removeFile } from '../../lib/fs/remove-file.js';
import type { Logger } from '../../lib/logger.js';
import { messageOf } from '../../protocol/errors.js';
import type { BuildId } from '../../protocol/ids.js';
import type { ArchiveContents, MasterZips, OpenZip } from '../state/master-api.js';
import { incomingPath, removeLeftovers } from './incoming/incoming-archive.js';
import { zipStream } from './zip.js';

export interface ZipCacheOptions {
  /** For the zips alone. Created if missing. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** For all zips together; 0: none is kept. */
  readonly maxBytes: number;
  /** Why so many more bytes should not be written; null when they may. */
  readonly diskProblem: (bytes: number) => string | null;
}

interface Kept {
  readonly bytes: number;
  /** The first TAG_CHARS of the SHA-256 of its bytes. */
  readonly tag: string;
  /** Milliseconds; for a zip found at the start, when it was written. */
  usedAt: number;
}

interface Making {
  readonly done: Promise<boolean>;
  readonly abort: AbortController;
}

const NAME = /^([1-9]\d{0,14})\.([0-9a-f]{20})\.zip$/;
const TAG_CHARS = 20;

/**
 * The zips of builds that have ended. One is made at the first request, once for all requests, and then is a file of which
 * any range can be read. The file name has all metadata, so a restarted master still has them. Beyond `maxBytes`, the least
 * recently used go first; open ones can be read to their end.
 */
export class ZipCache implements MasterZips {
  readonly #options: ZipCacheOptions;
  readonly #kept = new Map<number, Kept>();
  readonly #making = new Map<number, Making>();
  /** Zips are made one after another, since each keeps a core busy. */
  readonly #mutex = new KeyedMutex();

  constructor(options: ZipCacheOptions) {
    this.#options = options;
    const { directory } = options;
    removeLeftovers(directory);
    for (const name of readdirSync(directory)) {
      const [, build, tag] = NAME.exec(name) ?? [];
      if (build !== undefined && tag !== undefined) {
        const { size, mtimeMs } = statSync(join(directory, name));
        this.#kept.set(Number(build), { bytes: size, tag, usedAt: mtimeMs });
      }
    }
  }

  async open(build: BuildId, contents: ArchiveContents): Promise<OpenZip | null> {
    if (!this.#kept.has(build) && !(await this.#made(build, contents))) {
      return null;
    }
    const kept = this.#kept.get(build);
    if (kept === undefined) {
      return null;
    }
    kept.usedAt = this.#options.clock.now();
    try {
      const file = await open(this.#pathOf(build, kept), 'r');
      return { file, bytes: kept.bytes, tag: kept.tag };
    } catch (error) {
      // Somebody has removed the file: it is made again at the next request.
      this.#kept.delete(build);
      this.#options.log.warn({ build }, `The zip of the build cannot be read: ${messageOf(error)}`);
      return null;
    }
  }

  /** The builds that have zips. */
  builds(): number[] {
    return [...this.#kept.keys()];
  }

  /** Removes the zip of the build, and aborts one in the making without waiting for that. */
  async forgetBuild(build: number): Promise<void> {
    this.#making.get(build)?.abort.abort();
    await this.#remove(build);
  }

  /** Aborts all in the making. */
  async close(): Promise<void> {
    const all = [...this.#making.values()];
    for (const { abort } of all) {
      abort.abort();
    }
    await Promise.all(all.map(({ done }) => done));
  }

  /** False when it cannot be kept. Goes on when nobody waits for it any more, since clients that were cut off come back. */
  #made(build: BuildId, contents: ArchiveContents): Promise<boolean> {
    const before = this.#making.get(build);
    if (before !== undefined) {
      return before.done;
    }
    const abort = new AbortController();
    const done = this.#mutex
      .run('zips', () => this.#make(build, contents, abort.signal))
      .catch((error: unknown) => {
        const log = this.#options.log;
        if (!abort.signal.aborted) {
          log.warn({ build }, `The zip of the build is not kept: ${messageOf(error)}`);
        }
        return false;
      })
      .finally(() => this.#making.delete(build));
    this.#making.set(build, { done, abort });
    return done;
  }

  async #make(build: BuildId, contents: ArchiveContents, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const { directory, clock, maxBytes, diskProblem } = this.#options;
    // The zip will be about as large.
    const expected = await bytesOf(contents);
    if (expected > maxBytes) {
      return false;
    }
    await this.#trim(maxBytes - expected);
    const problem = diskProblem(expected);
    if (problem !== null) {
      throw new Error(problem);
    }
    const path = incomingPath(directory);
    try {
      const hash = createHash('sha256');
      let bytes = 0;
      const seen = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          bytes += chunk.length;
          hash.update(chunk);
          const full = bytes > maxBytes ? 'it is larger than zips_max_mib allows' : diskProblem(chunk.length);
          done(full === null ? null : new Error(full), chunk);
        },
      });
      // Flushed before it is renamed: after a power cut there must be no truncated one.
      await pipeline(zipStream(contents), seen, createWriteStream(path, { mode: 0o600, flush: true }), {
        signal,
      });
      const kept = { bytes, tag: hash.digest('hex').slice(0, TAG_CHARS), usedAt: clock.now() };
      await rename(path, this.#pathOf(build, kept));
      this.#kept.set(build, kept);
      if (signal.aborted) {
        await this.#remove(build);
        throw signal.reason;
      }
    } finally {
      await removeFile(path);
    }
    await this.#trim(maxBytes);
    return true;
  }

  async #trim(maxBytes: number): Promise<void> {
    const oldestFirst = [...this.#kept].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    let bytes = oldestFirst.reduce((sum, [, kept]) => sum + kept.bytes, 0);
    for (const [build, kept] of oldestFirst) {
      if (bytes <= maxBytes) {
        return;
      }
      bytes -= kept.bytes;
      await this.#remove(build);
    }
  }

  async #remove(build: number): Promise<void> {
    const kept = this.#kept.get(build);
    if (kept !== undefined) {
      this.#kept.delete(build);
      await removeFile(this.#pathOf(build, kept));
    }
  }

  #pathOf(build: number, { tag }: Kept): string {
    return join(this.#options.directory, `${build}.${tag}.zip`);
  }
}

async function bytesOf({ files }: ArchiveContents): Promise<number> {
  let bytes = 0;
  for (const file of files) {
    bytes += (await stat(file)).size;
  }
  return bytes;
}
