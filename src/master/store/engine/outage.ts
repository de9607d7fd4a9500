import { SqliteError } from './sqlite.js';

/** Causes that can be fixed while the master runs: a full disk, a read-only file system, a failing device. */
const OUTAGES = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|BUSY|LOCKED|NOMEM|PERM|PROTOCOL)/;
const SYSTEM_OUTAGES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'ENOMEM', 'EBUSY']);

/** Whether a write that failed with this error may succeed later as it is. */
export function isOutage(error: unknown): boolean {
  if (error instanceof SqliteError) {
    return OUTAGES.test(error.code);
  }
  return error instanceof Error && 'code' in error && SYSTEM_OUTAGES.has(String(error.code));
}

/** Whether the file itself is damaged, so that only another file helps. */
export function isDamage(error: unknown): boolean {
  return error instanceof SqliteError && /^SQLITE_(NOTADB|CORRUPT)/.test(error.code);
}
