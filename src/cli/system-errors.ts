/** The advice to the owner of the machine for each system error. */
const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'see that this user may read and write there',
  EPERM: 'see that this user may read and write there',
  EROFS: 'name another base_directory, on a disk that can be written',
  ENOENT: 'something that is needed there is gone; put it back, or start again',
  ENOTDIR: 'something that is no folder stands where a folder is needed; move it away',
  EEXIST: 'something that is no folder stands where a folder is needed; move it away',
  EISDIR: 'a folder stands where a file is needed; move it away',
  NOT_A_FILE: 'a file is needed there; move it away',
  ENXIO: 'something that is no file stands where a file is needed; move it away',
  ENOTEMPTY: 'somebody else writes there; let each have a base_directory of its own',
  ELOOP: 'a link leads to itself there; remove it',
  ENAMETOOLONG: 'name a base_directory with a shorter path',
  EXDEV: 'let the base_directory be on one disk, without links to others',
  ENOSPC: 'make room on that disk',
  EDQUOT: 'make room on that disk',
  EFBIG: 'raise the limit of the size of files (ulimit -f)',
  EMFILE: 'raise the limit of open files (ulimit -n)',
  ENFILE: 'raise the limit of open files of this machine',
  ENOMEM: 'give this machine more memory, or let it do less',
  EAGAIN: 'raise the limit of processes (ulimit -u), or let this machine do less',
  EIO: 'the disk fails; look at the log of the system',
  ESTALE: 'the network disk was replaced; mount it again',
  EADDRNOTAVAIL: 'this machine has no such address; name another',
  EAFNOSUPPORT: 'this machine has no such kind of address; name another',
  ENOTFOUND: 'that name is not known here; name another, or an address',
  EAI_AGAIN: 'names cannot be looked up at the moment; try again later',
};

/** Errors of the database that the disk or another program causes. Errors of SQL or constraints are bugs. */
const OF_DISK =
  /^SQLITE_(FULL|IOERR|CANTOPEN|READONLY|CORRUPT|NOTADB|BUSY|LOCKED|NOMEM|PERM|AUTH|PROTOCOL|NOLFS)/;

/**
 * A message for a system error; null for other errors, and for those that only a bug can cause (EINVAL, EBADF).
 */
export function systemErrorMessage(error: unknown): string | null {
  if (error instanceof AggregateError && error.errors.length > 0) {
    const messages = error.errors.map(systemErrorMessage);
    return messages.every((message) => message !== null) ? messages.join(' ') : null;
  }
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) {
    return null;
  }
  if (OF_DISK.test(error.code)) {
    return `The database cannot be used (${error.message}); see that its disk has room, can be written by this user and is in order.`;
  }
  // Node's recursive functions prefix the system's code.
  const remedy = 'syscall' in error ? REMEDIES[error.code.replace(/^ERR_FS_/, '')] : undefined;
  return remedy === undefined ? null : `${error.message}; ${remedy}.`;
}
