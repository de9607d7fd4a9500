import { readdirSync, readFileSync, statSync } from 'node:fs';
import { unlessGone } from '../../lib/process-identity.js';

export interface ProcessEntry {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** In ticks since the system was started; with the number it names one process for ever. */
  readonly began: string;
}

let hasTable: boolean | undefined;

/** Whether this system lists its processes in /proc, as Linux does. */
export function hasProcessTable(): boolean {
  hasTable ??= contentsOf('/proc/self/stat') !== null;
  return hasTable;
}

/**
 * All living processes. They are read one after another, so a process whose parent ended meanwhile may name a parent
 * that is not in the table.
 */
export function processTable(): ProcessEntry[] {
  return readdirSync('/proc').flatMap((name) => {
    const entry = /^\d+$/.test(name) ? processEntry(Number(name)) : null;
    return entry === null ? [] : [entry];
  });
}

/** null for a process that is gone, or dead and not yet reaped. */
export function processEntry(pid: number): ProcessEntry | null {
  const stat = contentsOf(`/proc/${pid}/stat`);
  return stat === null ? null : parseStat(stat);
}

/** One `stat` of proc(5); null for a dead process. Its name stands in parentheses and may hold any character. */
export function parseStat(stat: string): ProcessEntry | null {
  const open = stat.indexOf('(');
  const close = stat.lastIndexOf(')');
  const fields = stat.slice(close + 2).split(' ');
  const [state, parent, group, session] = fields;
  if (state === undefined || state === 'Z' || state === 'X') {
    return null;
  }
  return {
    pid: Number(stat.slice(0, open)),
    name: stat.slice(open + 1, close),
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    began: fields[19] ?? '',
  };
}

/** The user of a process as a person names it; null when it is this process's own, or the process is gone. */
export function otherUserOf(pid: number): string | null {
  const uid = unlessGone(() => statSync(`/proc/${pid}`).uid);
  if (uid === null || uid === process.getuid?.()) {
    return null;
  }
  return uid === 0 ? 'root' : `the user ${uid}`;
}

function contentsOf(file: string): string | null {
  return unlessGone(() => readFileSync(file, 'latin1'));
}
