import type { Git } from './git.js';
import { gitError } from './git-errors.js';

/** A file, link or submodule of a commit. */
export interface TreeFile {
  /** Relative to the root of the repository; bytes that are not UTF-8 are replaced. */
  readonly path: string;
  /** As git has it: 100644, 100755, 120000 (link), 160000 (submodule). */
  readonly mode: string;
  /** The hash of its content, or the commit of a submodule. */
  readonly hash: string;
}

export interface CommittedTree {
  /** null when there are too many. */
  readonly files: readonly TreeFile[] | null;
  /** The folder of the project, relative to the root of the repository; empty for the root itself. */
  readonly folder: string;
  /** The text of a link; null when it is longer than any path. */
  linkText(link: TreeFile): Promise<string | null>;
}

/** For some 500,000 files. */
export const TREE_BYTES = 64 * 1024 ** 2;
const CUT = '…';
const MAX_LINK = 4096;

/**
 * Lists the files of a commit. Their hashes are those that git has stored, so no file is read.
 * @param git keeps TREE_BYTES of the output
 */
export async function readCommittedTree(
  git: Git,
  repository: string,
  commit: string,
  folder: string,
): Promise<CommittedTree> {
  const listed = await git(repository, 'ls-tree', '-r', '-z', '--full-tree', commit);
  if (listed.exitCode !== 0) {
    throw gitError('The files of the commit cannot be listed', listed);
  }
  const linkText = async ({ hash }: TreeFile) => {
    const shown = await git(repository, 'cat-file', 'blob', hash);
    if (shown.exitCode !== 0) {
      throw gitError('A link of the commit cannot be read', shown);
    }
    return shown.stdout.length > MAX_LINK ? null : shown.stdout;
  };
  return { files: listed.stdout.startsWith(CUT) ? null : filesIn(listed.stdout), folder, linkText };
}

function filesIn(listing: string): TreeFile[] {
  return listing
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [, mode, hash, path] = /^(\d{6}) \w+ ([0-9a-f]+)\t(.+)$/s.exec(entry) ?? [];
      if (mode === undefined || hash === undefined || path === undefined) {
        throw new Error(`git lists a file of the commit in an unknown form: ${entry}`);
      }
      return { path, mode, hash };
    });
}
