import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { hasCode, ifPresent, succeedsUnless } from '../lib/error-code.js';
import { replaceFile, writeTemporary } from '../lib/fs/atomic-file.js';
import { readRegularFile } from '../lib/fs/read/read-regular-file.js';
import { quoteForShell } from '../lib/text/shell-quote.js';
import { messageOf } from '../protocol/errors.js';
import type { Service } from './conf-sections.js';
import { invalid, type RawValue } from './config-source.js';
import { defaultConfText, withSecret } from './default-config.js';
import { type ParsedConf, parseConf } from './ini-parser.js';

const MAX_BYTES = 1024 * 1024;
const MAX_ROUNDS = 100;
const SECRET = 'general.secret';
const PREVIOUS_SECRET = 'general.previous_secret';

export interface ConfFileOptions {
  readonly file: string;
  readonly service: Service | null;
  /** Whether a missing folder is made, with its parents, when the file is written. */
  readonly mayMakeFolder: boolean;
  /** The secret comes from elsewhere, so the file need not have one, nor exist. */
  readonly hasSecret: boolean;
  /** Throws for an invalid value. Called before the file is changed, so that line numbers are those of its author. */
  check(settings: ReadonlyMap<string, RawValue>): void;
}

/**
 * Reads the file. A missing file is written, and one without a secret gets one; processes that do so at the same time end
 * up with the same secret.
 * @throws ClusterRunnerError CONFIG_INVALID
 */
export function loadConfFile(options: ConfFileOptions): ParsedConf {
  const { file, service } = options;
  // Another round is needed only if another process changed the file in between.
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const read = readConf(file, service);
    if (read === null) {
      if (!writeFirst(options)) {
        return { settings: new Map(), warnings: [] };
      }
    } else {
      options.check(read.settings);
      if (options.hasSecret || read.settings.has(SECRET)) {
        return read;
      }
      addSecret(file, service);
    }
  }
  throw invalid(`${file} keeps changing while it is read; see which other program writes it.`);
}

/** The settings of an existing file. @throws ClusterRunnerError CONFIG_INVALID */
export function readSettings(file: string, service: Service | null): ReadonlyMap<string, RawValue> {
  return readConf(file, service)?.settings ?? new Map();
}

function readConf(file: string, service: Service | null): (ParsedConf & { content: string }) | null {
  let fd: number;
  try {
    // Without it, a pipe would block until its other end is opened.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return null;
    }
    throw invalid(`The configuration ${file} cannot be read: ${messageOf(error)}.`, error);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      throw invalid(`The configuration ${file} is not a file; name another with --config-file.`);
    }
    if (stat.size > MAX_BYTES) {
      throw invalid(`The configuration ${file} is larger than ${MAX_BYTES} bytes; is it the right file?`);
    }
    const content = readFileSync(fd, 'utf8');
    const { settings, warnings } = parseConf(content, file, service);
    if ((settings.has(SECRET) || settings.has(PREVIOUS_SECRET)) && (stat.mode & 0o077) !== 0) {
      throw invalid(
        `Users other than its owner can read or change ${file}, which holds the secret. Fix it with: chmod 600 ${quoteForShell(file)}`,
      );
    }
    return { content, settings, warnings };
  } finally {
    closeSync(fd);
  }
}

/** False when it cannot be written, and need not be. */
function writeFirst({ file, mayMakeFolder, hasSecret }: ConfFileOptions): boolean {
  const text = defaultConfText(newSecret());
  try {
    if (mayMakeFolder) {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    }
    const temporary = writeTemporary(file, text, { isFlushed: true });
    try {
      linkSync(temporary, file);
    } finally {
      rmSync(temporary, { force: true });
    }
  } catch (error) {
    if (hasCode(error, 'EEXIST')) {
      return true;
    }
    if (hasSecret && hasCode(error, 'EACCES', 'EROFS', 'ENOENT')) {
      return false;
    }
    const reason = hasCode(error, 'ENOENT') ? `the folder ${dirname(file)} does not exist` : messageOf(error);
    throw invalid(`The configuration ${file} cannot be written: ${reason}.`, error);
  }
  return true;
}

/**
 * A new secret is claimed by a file of its own. One of several processes creates the claim, and all of them write its
 * contents, so it does not matter whose file stays. A process writes only if it sees the claim and no secret in the file;
 * the claim is removed after the file has its secret.
 */
function addSecret(given: string, service: Service | null): void {
  try {
    const file = realpathSync(given);
    const claim = `${file}.new-secret`;
    const mine = writeTemporary(file, newSecret(), { isFlushed: true });
    let secret: string | null;
    try {
      succeedsUnless('EEXIST', () => linkSync(mine, claim));
      secret = ifPresent(() => readRegularFile(claim));
    } finally {
      rmSync(mine, { force: true });
    }
    const now = readConf(file, service);
    if (secret !== null && now !== null && !now.settings.has(SECRET)) {
      replaceFile(file, withSecret(now.content, secret), { isFlushed: true });
    }
    if (secret !== null) {
      rmSync(claim, { force: true });
    }
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) {
      throw invalid(
        `The configuration ${given} has no secret, and none can be added: ${messageOf(error)}. Add one, or set CLUSTERRUNNER_SECRET.`,
        error,
      );
    }
    throw error;
  }
}

function newSecret(): string {
  return randomBytes(32).toString('hex');
}
