import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
} from 'node:fs';

const DESCRIPTORS = '/proc/self/fd';
/** A flag of Linux that Node has no name for. It opens a folder as a location only, which needs no permission. */
const O_PATH = 0o10000000;
const canOpenPlaces = process.platform === 'linux' && existsSync(DESCRIPTORS);

/**
 * A folder that is held open. On Linux `path` leads to that folder even if it is moved or replaced by a link, and however
 * long its own path is; elsewhere `path` is the given path.
 */
export class OpenFolder {
  readonly path: Buffer;
  #fd: number | null;

  private constructor(path: Buffer, fd: number | null) {
    this.path = path;
    this.#fd = fd;
  }

  /** @throws the file system's error: ENOTDIR for anything else, also for a link to a folder */
  static open(path: Buffer): OpenFolder {
    if (canOpenPlaces) {
      const fd = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      return new OpenFolder(Buffer.from(`${DESCRIPTORS}/${fd}`), fd);
    }
    if (!lstatSync(path).isDirectory()) {
      throw Object.assign(new Error(`ENOTDIR: not a folder: ${path}`), { code: 'ENOTDIR', syscall: 'open' });
    }
    return new OpenFolder(path, null);
  }

  /** Its path without links. @throws the file system's error */
  realPath(): string {
    return this.#fd === null ? realpathSync(this.path.toString()) : readlinkSync(this.path.toString());
  }

  /** @throws the file system's error */
  chmod(mode: number): void {
    chmodSync(this.path, mode);
  }

  close(): void {
    if (this.#fd !== null) {
      closeSync(this.#fd);
      this.#fd = null;
    }
  }
}
