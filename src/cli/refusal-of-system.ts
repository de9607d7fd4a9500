/** What the owner of the machine can mend. Anything else that the system refuses is for us to mend. */
const CURES: Readonly<Record<string, string>> = {
  EACCES: 'see that this user may read and write there',
  EPERM: 'see that this user may read and write there',
  EROFS: 'name another base_directory, on a disk that can be written',
  ENOTDIR: 'something that is no folder stands where a folder is needed; move it away',
  EEXIST: 'something that is no folder stands where a folder is needed; move it away',
  EISDIR: 'a folder stands where a file is needed; move it away',
  ENOSPC: 'make room on that disk',
  EDQUOT: 'make room on that disk',
  EMFILE: 'raise the limit of open files (ulimit -n)',
  ENFILE: 'raise the limit of open files of this machine',
};

/** A sentence for an error of the file system; null when it is none, or none that its owner can mend. */
export function refusalOfSystem(error: unknown): string | null {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error)) {
    return null;
  }
  const cure = CURES[error.code];
  return cure === undefined ? null : `${error.message}; ${cure}.`;
}
