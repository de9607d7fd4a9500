import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  statSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { type Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { hasCode, ifPresent } from '../../../lib/error-code.js';
import { freeDiskBytes } from '../../../lib/fs/free-space.js';
import { removeTree } from '../../../lib/fs/remove-tree.js';
import { processIdentity } from '../../../lib/process-identity.js';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { goesUp, staysInFolder } from '../../../protocol/results/archive-names.js';
import { ignoreInGit, isOwnIgnoreFile } from './ignore-file.js';
import { JUNIT } from './junit.js';
import { ResultFolder } from './result-folder.js';
import { SETUP_NAME } from './setup-files.js';

/** Two blocks of zeros end a tar. */
const END_MARK_BYTES = 1024;
const NAME = /^(artifact_\d+_\d+(\/|$)|failures\.txt$)/;

/** What a folder of results holds, and nothing else. */
const OURS = new RegExp(
  `^(artifact_\\d+_\\d+|failures\\.txt|${JUNIT.replace('.', '\\.')})$|${SETUP_NAME.source}`,
);
/** What others on the same disk may need while results are unpacked. */
const SPARED_BYTES = 64 * 1024 ** 2;
/** Several commands that replace the same folder at once meet seldom, and hardly ever again. */
const MOST_ROUNDS = 10;
/** Of an extended header, which is held whole: two paths as long as a system takes them are a hundredth of it. */
const MAX_META_BYTES = 1024 ** 2;

/**
 * Results replace what is at `target`, so it must be nothing, an empty folder, or one that holds earlier
 * results only, and not the folder that the command was given in.
 * Answers where it really is: behind a link, say.
 * @throws ClusterRunnerError USAGE for anything else, and for a place that cannot be written
 */
export function replaceableFolder(target: string, cwd = process.cwd()): string {
  const place = ifPresent(() => realpathSync(target)) ?? target;
  try {
    if (isMountPoint(place)) {
      throw new ClusterRunnerError(
        'USAGE',
        `A file system is mounted at ${target}, which therefore cannot be replaced as a whole, as results do; make it a link to a folder within a file system.`,
      );
    }
    const other = ifPresent(() => readdirSync(place))?.find(
      (name) => !OURS.test(name) && !isOwnIgnoreFile(place, name),
    );
    if (other !== undefined) {
      throw new ClusterRunnerError(
        'USAGE',
        `${target} holds ${JSON.stringify(other)}, which is no result of a build, and results replace the whole folder; move it away or name another folder with --output.`,
      );
    }
    if (!/^\.\.(\/|$)/.test(relative(place, cwd))) {
      throw new ClusterRunnerError(
        'USAGE',
        `${target} is the current folder or holds it, and results replace the whole folder; name another one with --output.`,
      );
    }
    accessSync(nearestFolder(dirname(place)), constants.W_OK);
    return place;
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      throw error;
    }
    throw new ClusterRunnerError(
      'USAGE',
      `Results cannot be written to ${target} (${messageOf(error)}); it must be a folder, or nothing yet, where this user may write.`,
      { cause: error },
    );
  }
}

/** Not of one that shows another folder of the same file system: nothing but an attempt tells of that. */
function isMountPoint(place: string): boolean {
  const stats = statSync(place, { throwIfNoEntry: false });
  return stats !== undefined && stats.dev !== statSync(dirname(place)).dev;
}

export interface UnpackOptions {
  /** Aborting it leaves what was there. */
  readonly signal?: AbortSignal;
  /** Told now and then how many bytes of the archive have come. */
  onProgress?(bytes: number): void;
  /** Adds to the new folder before it takes the place of the old one. */
  complete?(directory: string): Promise<void>;
  /** Where it is unpacked, in a folder that is there and on the same file system; beside `target` unless given. */
  fresh?: string;
  /** The archive comes without a length: one that lacks the mark that ends a tar was cut off. */
  requiresEndMark?: boolean;
}

export interface Unpacked {
  /** Entries that were passed over, since they would have led out of the folder. */
  readonly refused: number;
  /** A sentence that names what the file system here did not take; null when there is nothing. */
  readonly leftOut: string | null;
  /** What was there before could not be removed: a sentence that says where it is now, and why. */
  readonly left: string | null;
}

/**
 * Unpacks a build's `tar.gz` beside `target` and puts it in the place of what was there only when it is whole:
 * whoever reads `target` sees the old results or the new ones. The slaves' archives are not trusted: nothing is
 * written outside, by name or through a link, and no more than the disk has room for.
 * @throws ClusterRunnerError when `target` may not be replaced, the download breaks, the archive is damaged, or the
 *   disk does not take it; the signal's reason
 */
export async function unpackResults(
  archive: Readable,
  target: string,
  {
    signal = new AbortController().signal,
    onProgress,
    complete,
    fresh: elsewhere,
    requiresEndMark = false,
  }: UnpackOptions = {},
): Promise<Unpacked> {
  const place = replaceableFolder(target);
  const fresh = elsewhere ?? placeBeside(place);
  const folder = new ResultFolder(fresh, place);
  const seen = new SeenBytes(freeDiskBytes(nearestFolder(dirname(place))));
  let refused = 0;
  let hasEndMark = false;
  const filter: typeof belongs = (path, entry) => {
    const isWanted = belongs(path, entry);
    refused += isWanted ? 0 : 1;
    return isWanted;
  };
  try {
    await removeLeftBeside(place);
    await removeTree(fresh);
    mkdirSync(fresh, { recursive: true });
    const unpacker = unpacking(folder, filter, () => {
      hasEndMark = true;
    });
    await pipeline(archive, counting(onProgress), createGunzip(), seen.passing(), unpacker, { signal }).catch(
      (error: unknown) => {
        // The end mark alone, as a build without atoms has it, is an archive like any other, but not to this reader.
        if (!hasEndMark || seen.number !== END_MARK_BYTES) {
          throw error;
        }
      },
    );
    if (requiresEndMark && !hasEndMark) {
      throw new Error('the archive ends before its end');
    }
    folder.finish();
    ignoreInGit(fresh, place);
    await complete?.(fresh);
    signal.throwIfAborted();
    await replace(target, place, fresh);
    return { refused, leftOut: folder.leftOut, left: await leftOf(oldBeside(fresh)) };
  } catch (error) {
    folder.close();
    await removeTree(fresh).catch(() => undefined);
    signal.throwIfAborted();
    throw new ClusterRunnerError(
      'MASTER_UNREACHABLE',
      `The results could not be fetched into ${target}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** The new results are in their place: what keeps the old ones from being removed (another user's files) is no failure. */
async function leftOf(old: string): Promise<string | null> {
  try {
    await removeTree(old);
    return null;
  } catch (error) {
    return `The results of an earlier build could not be removed (${messageOf(error)}); they are in ${old}, remove that.`;
  }
}

/**
 * Looks at `target` once more: it was looked at when the download began, which may be hours ago. What was there goes to a
 * name of `fresh`'s own, so whoever cleans up after a killed process finds it.
 */
async function replace(target: string, place: string, fresh: string): Promise<void> {
  const old = oldBeside(fresh);
  for (let round = 1; ; round += 1) {
    await removeTree(old);
    if (replaceableFolder(target) !== place) {
      throw new Error('it leads elsewhere than when the download began');
    }
    ifPresent(() => renameSync(place, old));
    try {
      renameSync(fresh, place);
      return;
    } catch (error) {
      // Another command may have put its results there in between: then those are what is to be replaced.
      if (!isFilled(error) || round === MOST_ROUNDS) {
        ifPresent(() => renameSync(old, place));
        throw error;
      }
    }
  }
}

function isFilled(error: unknown): boolean {
  return hasCode(error, 'ENOTEMPTY', 'EEXIST');
}

/** Where old results are while `fresh` takes their place, and until they are removed. */
export function oldBeside(fresh: string): string {
  return `${fresh}.old`;
}

/** For what is to take its place: on the same file system. */
export function placeBeside(place: string): string {
  return join(dirname(place), `.${basename(place)}.${hostTag()}-${process.pid}.new`);
}

/** Tells machines apart that share a folder. */
function hostTag(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
}

/**
 * Removes what commands of this machine that were killed have left beside a folder of results. Old results that such a
 * command had moved away, with nothing in their place yet, come back.
 */
async function removeLeftBeside(place: string): Promise<void> {
  const folder = nearestFolder(dirname(place));
  const prefix = `.${basename(place)}.${hostTag()}-`;
  for (const name of folder === dirname(place) ? readdirSync(folder) : []) {
    const [, pid, old] = name.startsWith(prefix)
      ? (/^(\d+)\.new(\.old)?$/.exec(name.slice(prefix.length)) ?? [])
      : [];
    if (pid === undefined || isRunning(Number(pid))) {
      continue;
    }
    if (old !== undefined && !existsSync(place)) {
      renameSync(join(folder, name), place);
    } else {
      // What cannot be removed must not keep new results from coming.
      await removeTree(join(folder, name)).catch(() => undefined);
    }
  }
}

function isRunning(pid: number): boolean {
  return processIdentity(pid) !== null;
}

/** `onEndMark`: the tar is whole. Reads a tar and takes each entry that belongs into the folder, in one go: a piece of the tar is all that is held. */
function unpacking(folder: ResultFolder, filter: typeof belongs, onEndMark: () => void): Writable {
  let failure: Error | null = null;
  const fail = (error: Error) => {
    failure ??= error;
  };
  const parser = new Parser({ strict: true, maxMetaEntrySize: MAX_META_BYTES, filter });
  parser.on('entry', (entry: ReadEntry) => folder.take(entry));
  parser.on('error', fail);
  // Zeros at the end of the last file, or behind it, look the same to who does not read the tar.
  parser.on('eof', onEndMark);
  parser.on('ignoredEntry', (entry: ReadEntry) => {
    // Without it the file behind it would get another name.
    if (entry.meta && entry.size > MAX_META_BYTES) {
      fail(new Error(`the archive has an extended header of ${entry.size} bytes, which is too long`));
    }
  });
  const passing = (act: () => void, done: (error?: Error | null) => void) => {
    try {
      act();
      done(failure);
    } catch (error) {
      done(error instanceof Error ? error : new Error(messageOf(error)));
    }
  };
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => passing(() => parser.write(chunk), done),
    final: (done) => passing(() => parser.end(), done),
  });
}

function counting(onProgress: ((bytes: number) => void) | undefined): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      onProgress?.(bytes);
      done(null, chunk);
    },
  });
}

/** Counts what comes out of the archive. A small one can hold any number of zeros. */
class SeenBytes {
  readonly #room: number;
  #bytes = 0;

  /** `free`: what the disk has room for; null when nobody knows. */
  constructor(free: number | null) {
    this.#room = free === null ? Number.POSITIVE_INFINITY : free - SPARED_BYTES;
  }

  get number(): number {
    return this.#bytes;
  }

  passing(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#bytes += chunk.length;
        const isTooMuch = this.#bytes > this.#room;
        done(isTooMuch ? new Error('they are larger than the free space of the disk') : null, chunk);
      },
    });
  }
}

function belongs(path: string, entry: ReadEntry | import('node:fs').Stats): boolean {
  if (!('type' in entry) || !NAME.test(path) || goesUp(path)) {
    return false;
  }
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'Directory':
      return true;
    case 'SymbolicLink':
      return staysInFolder(path, entry.linkpath ?? '');
    default:
      return false;
  }
}

/** The path itself, or what is nearest above it: folders between are made when something is written there. */
export function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path));
}
