import { posix } from 'node:path';
import { digestOfFields } from '../../lib/digest-of-fields.js';
import type { NotCached } from '../../protocol/build/cached-atom.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { AtomValue } from '../command-string.js';
import { type FileIndex, type InputFile, LINK_MODE } from './file-index.js';
import { inputPattern, variablesInEntry } from './input-pattern.js';

/** The inputs of a job in one commit. */
export interface CommitInputs {
  /** Entries of `inputs`. */
  readonly entries: readonly string[];
  readonly index: FileIndex;
  /** See inputPattern. */
  readonly folder: string;
  /** Text that belongs to the inputs of every atom besides files of the commit. */
  readonly extra: readonly string[];
  /** The text of a link of the commit; null when it is too long for a path. */
  linkText(link: InputFile): Promise<string | null>;
}

/** The digest of an atom's inputs, or why it has none. */
export type InputsOfAtom = { readonly digest: string } | { readonly problem: NotCached };

type Found = { readonly files: readonly InputFile[] } | { readonly problem: NotCached };

/** Settings of git that change how files are checked out. */
const ATTRIBUTES = /(^|\/)\.gitattributes$/;
/** Git replaces bytes of paths that are not UTF-8, so two of them could look the same. */
const NO_UTF8 = '\ufffd';
/** Files of links in links in links … */
const MAX_FILES_BY_LINKS = 100_000;

/**
 * The digests of the inputs of atoms, in their order. The order of entries and files does not matter.
 * @throws ClusterRunnerError PREPARATION_FAILED for an entry without variables that names no file
 */
export async function inputDigests(
  commit: CommitInputs,
  atoms: readonly AtomValue[],
): Promise<InputsOfAtom[]> {
  const own = commit.entries.filter((entry) => variablesInEntry(entry).length > 0);
  const shared = await sharedFiles(commit);
  const sharedDigest = 'files' in shared ? digestOfFiles(shared.files, commit.extra) : null;
  const isEmpty = own.length === commit.entries.length;
  const digests: InputsOfAtom[] = [];
  for (const atom of atoms) {
    const entries = own.filter((entry) => variablesInEntry(entry).every((name) => name === atom.variable));
    if (sharedDigest === null || 'problem' in shared) {
      digests.push({ problem: 'problem' in shared ? shared.problem : 'NO_INPUT' });
    } else if (entries.length === 0) {
      digests.push(isEmpty ? { problem: 'NO_INPUT' } : { digest: sharedDigest });
    } else {
      const found = await ownFiles(commit, entries, atom);
      digests.push('problem' in found ? found : { digest: digestOfFiles(found.files, [sharedDigest]) });
    }
  }
  return digests;
}

async function sharedFiles(commit: CommitInputs): Promise<Found> {
  const { entries, index, folder } = commit;
  const attributes = index.at('').filter(({ path }) => ATTRIBUTES.test(path));
  const matched = entries
    .filter((entry) => variablesInEntry(entry).length === 0)
    .flatMap((entry) => {
      const pattern = inputPattern(entry, folder, null);
      const files = pattern === null ? [] : index.matching(pattern);
      if (files.length === 0) {
        throw new ClusterRunnerError(
          'PREPARATION_FAILED',
          `The entry ${JSON.stringify(entry)} of "inputs" names no file of the commit; correct it. Files that setup_build makes are no inputs: name those that it makes them of.`,
        );
      }
      return files;
    });
  return withLinkTargets(commit, [...attributes, ...matched]);
}

async function ownFiles(commit: CommitInputs, entries: readonly string[], atom: AtomValue): Promise<Found> {
  const files: InputFile[] = [];
  for (const entry of entries) {
    const pattern = inputPattern(entry, commit.folder, atom);
    const matched = pattern === null ? [] : commit.index.matching(pattern);
    if (matched.length === 0) {
      return { problem: 'NO_INPUT' };
    }
    files.push(...matched);
  }
  return withLinkTargets(commit, files);
}

/** A link stands for itself and for what it leads to. */
async function withLinkTargets(
  { index, linkText }: CommitInputs,
  files: readonly InputFile[],
): Promise<Found> {
  const found = new Set(files);
  for (const file of found) {
    if (file.path.includes(NO_UTF8)) {
      return { problem: 'UNREADABLE_NAME' };
    }
    if (file.mode === LINK_MODE) {
      const text = await linkText(file);
      const targets = text === null || posix.isAbsolute(text) ? [] : targetsOf(index, file, text);
      if (targets.length === 0 || found.size + targets.length > MAX_FILES_BY_LINKS + files.length) {
        return { problem: 'LINK' };
      }
      for (const target of targets) {
        found.add(target);
      }
    }
  }
  return { files: [...found] };
}

function targetsOf(index: FileIndex, link: InputFile, text: string): InputFile[] {
  const target = posix.join(posix.dirname(link.path), text).replace(/\/+$/, '');
  return target === '..' || target.startsWith('../') ? [] : index.at(target === '.' ? '' : target);
}

function digestOfFiles(files: readonly InputFile[], more: readonly string[]): string {
  const sorted = [...new Set(files)].sort((a, b) => (a.path < b.path ? -1 : 1));
  return digestOfFields([
    String(more.length),
    ...more,
    ...sorted.flatMap(({ path, mode, hash }) => [path, mode, hash]),
  ]);
}
