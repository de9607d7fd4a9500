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
import { CACHED_ATOMS } from './cached-atoms-file.js';
import { ignoreInGit, isOwnIgnoreFile } from './ignore-file.js';
import { JUNIT } from './junit.js';
import { REPORT, TEMPORARY_SUFFIX } from './report/write-report.js';
import { ResultFolder } from './result-folder.js';
import { SETUP_NAME } from './setup-files.js';

/** Two blocks of zeros end a tar. */
const END_MARK_BYTES = 1024;
const NAME = /^(artifact_\d+_\d+(\/|$)|failures\.txt$)/;

/** All names that a folder of results may hold. */
const OURS = new RegExp(
  `^(artifact_\\d+_\\d+|failures\\.txt|${escaped(CACHED_ATOMS)}|${escaped(JUNIT)}|${escaped(REPORT)}(${escaped(TEMPORARY_SUFFIX)})?)$|${SETUP_NAME.source}`,
);
/** Free space that is left for others while results are unpacked. */
const SPARED_BYTES = 64 * 1024 ** 2;
/** Commands that replace the same folder at once rarely collide, and hardly ever twice. */
const MOST_ROUNDS = 10;
/** For an extended header, which is held whole: a hundred times two paths of the longest length. */
const MAX_META_BYTES = 1024 ** 2;

/**
 * Checks that results may replace `target`: it must not exist, be empty, or hold earlier results only, and not be the
 * current folder.
 * @returns its real path, without links
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

/** A bind mount within the same file system is not recognized; only an attempt to move it tells. */
function isMountPoint(place: string): boolean {
  const stats = statSync(place, { throwIfNoEntry: false });
  return stats !== undefined && stats.dev !== statSync(dirname(place)).dev;
}

export interface UnpackOptions {
  /** Aborting it leaves the old results. */
  readonly signal?: AbortSignal;
  /** Called with how many bytes of the archive have arrived. */
  onProgress?(bytes: number): void;
  /** Adds to the new folder before it takes the place of the old one. */
  complete?(directory: string): Promise<void>;
  /** Where to unpack, in an existing folder on the same file system; beside `target` unless given. */
  fresh?: string;
  /** The archive comes without a length, so one without its end-of-archive mark is truncated. */
  requiresEndMark?: boolean;
}

export interface Unpacked {
  /** Entries that were skipped, since they would have led out of the folder. */
  readonly refused: number;
  /** A message that names what the file system here did not accept; null when there is nothing. */
  readonly leftOut: string | null;
  /** A message when the old results could not be removed, that says where they are now, and why. */
  readonly left: string | null;
}

/**
 * Unpacks a build's `tar.gz` beside `target`, and replaces `target` when it is complete, so that readers see the old
 * results or the new ones. Archives are not trusted: nothing is written outside, by name or through a link, and no more
 * than the disk has space for.
 * @throws ClusterRunnerError when `target` may not be replaced, the download breaks, the archive is damaged, or the disk
 *   is full; the signal's reason
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
        // The end-of-archive mark alone, as for a build without atoms, is a valid archive, but not for this parser.
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

/** The new results are in place, so a failure to remove the old ones (another user's files) is only reported. */
async function leftOf(old: string): Promise<string | null> {
  try {
    await removeTree(old);
    return null;
  } catch (error) {
    return `The results of an earlier build could not be removed (${messageOf(error)}); they are in ${old}, remove that.`;
  }
}

/**
 * Checks `target` again, since the download may have taken hours. The old results are moved to a name derived from
 * `fresh`, so that they are found after a killed process.
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
      // Another command may have put its results there in between: then those are replaced.
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

/** The path of old results while `fresh` replaces them, and until they are removed. */
export function oldBeside(fresh: string): string {
  return `${fresh}.old`;
}

/** A path on the same file system, for what is to replace `place`. */
export function placeBeside(place: string): string {
  return join(dirname(place), `.${basename(place)}.${hostTag()}-${process.pid}.new`);
}

/** Tells machines apart that share a folder. */
function hostTag(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
}

/**
 * Removes what killed commands of this machine have left beside a folder of results. Old results that such a command had
 * moved away without a replacement are restored.
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
      // A failure must not keep the new results from being unpacked.
      await removeTree(join(folder, name)).catch(() => undefined);
    }
  }
}

function isRunning(pid: number): boolean {
  return processIdentity(pid) !== null;
}

/** Reads a tar, and writes each wanted entry into the folder, holding one piece of the tar. `onEndMark`: the tar is complete. */
function unpacking(folder: ResultFolder, filter: typeof belongs, onEndMark: () => void): Writable {
  let failure: Error | null = null;
  const fail = (error: Error) => {
    failure ??= error;
  };
  const parser = new Parser({ strict: true, maxMetaEntrySize: MAX_META_BYTES, filter });
  parser.on('entry', (entry: ReadEntry) => folder.take(entry));
  parser.on('error', fail);
  // Only the parser can tell the mark from zeros at the end of the last file.
  parser.on('eof', onEndMark);
  parser.on('ignoredEntry', (entry: ReadEntry) => {
    // Without its header, the next file would get another name.
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

/** Counts the decompressed bytes: a small archive can hold any number of zeros. */
class SeenBytes {
  readonly #room: number;
  #bytes = 0;

  /** `free`: free space of the disk; null when unknown. */
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

function escaped(name: string): string {
  return name.replaceAll('.', '\\.');
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

/** The path itself, or its nearest existing ancestor. */
export function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path));
}
