import { readdirSync, readFileSync, statSync } from 'node:fs';
import { unlessGone } from '../../lib/process-identity.js';

export interface ProcessEntry {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** In ticks since the boot; with the pid it identifies a process uniquely. */
  readonly began: string;
}

let hasTable: boolean | undefined;

/** Whether this system lists its processes in /proc, like Linux. */
export function hasProcessTable(): boolean {
  hasTable ??= contentsOf('/proc/self/stat') !== null;
  return hasTable;
}

/**
 * All living processes. They are read one after another, so a process may name a parent that is not in the table because it
 * has ended meanwhile.
 */
export function processTable(): ProcessEntry[] {
  return readdirSync('/proc').flatMap((name) => {
    const entry = /^\d+$/.test(name) ? processEntry(Number(name)) : null;
    return entry === null ? [] : [entry];
  });
}

/** null for a process that is gone, or a zombie. */
export function processEntry(pid: number): ProcessEntry | null {
  const stat = contentsOf(`/proc/${pid}/stat`);
  return stat === null ? null : parseStat(stat);
}

/** Parses `stat` of proc(5); null for a zombie. The name is in parentheses and may contain any character. */
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

/** The owner of a process, for a message; null when it is the user of this process, or the process is gone. */
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
