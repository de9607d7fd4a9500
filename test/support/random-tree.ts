import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';

const LONG = 'd'.repeat(100);
/** A depth of folders that a path can name on each system. */
const REACH = 5;

/** An entry that a test may leave, in the folders of `folders`; names as bytes in latin1. */
export interface TreeEntry {
  readonly folders: readonly string[];
  readonly name: string;
  readonly kind: 'file' | 'sparse' | 'link' | 'circle' | 'up' | 'pipe' | 'closed folder' | 'deep folder';
  readonly mode: number;
}

const plain = fc.constantFrom('a', 'b', 'B', 'c.xml', 'clusterrunner_notes', 'clusterrunner_command');
const odd = fc.oneof(
  fc.constantFrom(
    '\xff\xfe',
    'new\nline',
    ' ',
    '-rf',
    '..\\up',
    '\x1b[2J',
    'n'.repeat(255),
    '\xc3\xa9'.repeat(60),
  ),
  fc.string({ minLength: 1, maxLength: 20, unit: 'binary-ascii' }).filter(isName),
);
const name = fc.oneof({ weight: 2, arbitrary: plain }, odd);

export const treeOf: fc.Arbitrary<TreeEntry[]> = fc.array(
  fc.record({
    folders: fc.array(name, { maxLength: 4 }),
    name,
    kind: fc.constantFrom(
      'file',
      'file',
      'sparse',
      'link',
      'circle',
      'up',
      'pipe',
      'closed folder',
      'deep folder',
    ),
    mode: fc.constantFrom(0o644, 0o755, 0, 0o200, 0o444),
  }),
  { minLength: 1, maxLength: 25 },
);

function isName(text: string): boolean {
  return !text.includes('/') && !text.includes('\0') && text !== '.' && text !== '..';
}

/** Makes the folder with these entries, except those whose names are taken. */
export function makeTree(folder: string, entries: readonly TreeEntry[], outside: string): void {
  mkdirSync(folder, { recursive: true });
  const closed: Buffer[] = [];
  for (const entry of entries) {
    try {
      make(folder, entry, outside, closed);
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error) && !(error instanceof Error && 'status' in error)) {
        throw error;
      }
    }
  }
  for (const path of closed) {
    chmodSync(path, 0);
  }
}

function make(
  folder: string,
  { folders, name, kind, mode }: TreeEntry,
  outside: string,
  closed: Buffer[],
): void {
  let above = Buffer.from(folder);
  for (const one of folders) {
    above = Buffer.concat([above, Buffer.from(`/${one}`, 'latin1')]);
    const stats = lstatSync(above, { throwIfNoEntry: false });
    if (stats === undefined) {
      mkdirSync(above);
    } else if (!stats.isDirectory()) {
      // Through a link it would be made elsewhere.
      return;
    }
  }
  const path = Buffer.concat([above, Buffer.from(`/${name}`, 'latin1')]);
  switch (kind) {
    case 'file':
      writeFileSync(path, 'x', { mode, flag: 'wx' });
      break;
    case 'sparse':
      writeFileSync(path, '', { flag: 'wx' });
      truncateSync(path, 300_000);
      break;
    case 'link':
      symlinkSync(outside, path);
      break;
    case 'circle':
      symlinkSync('.', path);
      break;
    case 'up':
      symlinkSync('..', path);
      break;
    case 'pipe':
      // The arguments of a program must be UTF-8.
      if (path.equals(Buffer.from(path.toString()))) {
        execFileSync('mkfifo', ['--', path.toString()], { stdio: 'ignore' });
      }
      break;
    case 'closed folder':
      mkdirSync(path);
      writeFileSync(Buffer.concat([path, Buffer.from('/file')]), 'x');
      closed.push(path);
      break;
    case 'deep folder':
      if (path.equals(Buffer.from(path.toString()))) {
        makeDeepFolder(path.toString(), 60);
      }
      break;
  }
}

/** So many nested folders, each with a name of 100 letters, and a file in the last one. */
export function makeDeepFolder(folder: string, depth: number): void {
  const parts = `${folder}.parts`;
  mkdirSync(dirname(folder), { recursive: true });
  mkdirSync(parts);
  const whole = join(parts, 'whole');
  mkdirSync(whole);
  writeFileSync(join(whole, 'file'), 'x');
  for (let made = 0; made < depth; made += REACH) {
    const part = join(parts, 'part');
    const last = join(part, ...Array<string>(REACH - 1).fill(LONG));
    mkdirSync(last, { recursive: true });
    renameSync(whole, join(last, LONG));
    renameSync(part, whole);
  }
  renameSync(whole, folder);
  rmSync(parts, { recursive: true });
}
