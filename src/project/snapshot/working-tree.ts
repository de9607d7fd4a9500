import { existsSync, lstatSync } from 'node:fs';
import { copyFile, mkdir, realpath, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { nullOn } from '../../lib/error-code.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { alternateLine } from '../git/clone.js';
import type { Git } from '../git/git.js';
import { splitCredentials } from '../git/git-credentials.js';
import { gitError } from '../git/git-errors.js';
import type { GitFiles } from '../git/git-files.js';
import { isUsableUrl } from '../git/validate-git-args.js';
import { copyIndex } from '../workspace/copy-index.js';
import type { Committed } from './deterministic-commit.js';

/** The master is asked for two commits of each, see MAX_COMMITS_ASKED; more would exceed the output that is kept of git. */
const MAX_ANCESTORS = 250;

/** A checkout of the user, which is never changed. */
export interface WorkingTree {
  readonly top: string;
  /** The folder with clusterrunner.yaml, relative to `top`; null: `top` itself. */
  readonly projectDirectory: string | null;
  /** The URL of the remote `origin`, without credentials; null when other machines could not use it. */
  readonly url: string | null;
  readonly index: string;
  readonly objects: string;
  readonly shallow: string;
}

/** @throws ClusterRunnerError USAGE when `directory` is in no working tree; PREPARATION_FAILED */
export async function findWorkingTree(git: Git, directory: string): Promise<WorkingTree> {
  const shown = await git(directory, 'rev-parse', '--show-toplevel');
  if (shown.exitCode !== 0) {
    const { message } = gitError(`A snapshot of ${directory} cannot be made`, shown);
    throw new ClusterRunnerError(
      'USAGE',
      `${message} It must be in a git checkout; \`build directory\` runs a folder that slaves have.`,
    );
  }
  const top = shown.stdout.replace(/\n$/, '');
  const names = ['index', 'objects', 'shallow'];
  const paths = await git(top, 'rev-parse', ...names.flatMap((name) => ['--git-path', name]));
  // Each path ends with its name, so paths with line ends are parsed too.
  const [, index, objects, shallow] =
    /^(.*\bindex)\n(.*\bobjects)\n(.*\bshallow)\n$/s.exec(paths.stdout) ?? [];
  if (
    index === undefined ||
    objects === undefined ||
    shallow === undefined ||
    paths.stdout.includes('\ufffd')
  ) {
    throw gitError(`The repository of ${top} cannot be read`, paths);
  }
  const folder = relative(await realpath(top), await realpath(directory));
  return {
    top,
    projectDirectory: folder === '' ? null : folder,
    url: await urlOfOrigin(git, top),
    index: resolve(top, index),
    objects: resolve(top, objects),
    shallow: resolve(top, shallow),
  };
}

async function urlOfOrigin(git: Git, top: string): Promise<string | null> {
  const { stdout, exitCode } = await git(top, 'config', '--get', 'remote.origin.url');
  // Other machines have credentials of their own.
  const { url } = splitCredentials(stdout.trim());
  return exitCode === 0 && isUsableUrl(url) ? url : null;
}

/** The latest commits, newest first; empty in a repository without a commit. */
export async function ancestorsOf(git: Git, top: string): Promise<Committed[]> {
  if ((await git(top, 'rev-parse', '--quiet', '--verify', 'HEAD^{commit}')).exitCode !== 0) {
    return [];
  }
  const args = ['rev-list', `--max-count=${MAX_ANCESTORS}`, '--format=%H %T %ct', 'HEAD', '--'];
  const listed = await git(top, ...args);
  if (listed.exitCode !== 0) {
    throw gitError('The history of the checkout cannot be read', listed);
  }
  return [...listed.stdout.matchAll(/^([0-9a-f]+) ([0-9a-f]+) (\d+)$/gm)].map(
    ([, commit = '', tree = '', seconds]) => ({ commit, tree, seconds: Number(seconds) }),
  );
}

/**
 * Creates a repository at `scratch`, which must not exist, that reads the objects of the working tree's repository and keeps new
 * ones for itself. Its index is a copy.
 */
export async function makeScratch(git: Git, tree: WorkingTree, scratch: string): Promise<void> {
  const format = (await git(tree.top, 'rev-parse', '--show-object-format')).stdout.trim();
  await mkdir(scratch);
  const made = await git(
    scratch,
    'init',
    '--quiet',
    '--bare',
    '--template=',
    ...(format === 'sha256' ? ['--object-format=sha256'] : []),
    '.',
  );
  if (made.exitCode !== 0) {
    throw gitError('A folder for the snapshot could not be made', made);
  }
  await mkdir(join(scratch, 'objects', 'info'), { recursive: true });
  await writeFile(join(scratch, 'objects', 'info', 'alternates'), alternateLine(tree.objects));
  if (existsSync(tree.shallow)) {
    await copyFile(tree.shallow, join(scratch, 'shallow'));
  }
  if (existsSync(tree.index)) {
    await copyIndex(tree.index, join(scratch, 'index'));
  }
}

/** Makes git commands in the working tree write to the scratch repository. */
export function scratchEnvironment(scratch: string): Record<string, string> {
  return {
    GIT_INDEX_FILE: join(scratch, 'index'),
    GIT_OBJECT_DIRECTORY: join(scratch, 'objects'),
    // Not even stat data in the index of a submodule.
    GIT_OPTIONAL_LOCKS: '0',
  };
}

/** Overrides settings of the user that would make git write, ask or fail needlessly. */
const SETTINGS = [
  'core.splitIndex=false',
  'core.safecrlf=false',
  // clearFlags handles the flags of the index.
  'core.sparseCheckout=false',
  'core.untrackedCache=false',
  // Changed files of LFS are sent with their content: nobody could fetch what was never pushed.
  'filter.lfs.clean=',
  'filter.lfs.process=',
  'filter.lfs.required=false',
].flatMap((setting) => ['-c', setting]);

/**
 * Writes the tree of all existing files that are not ignored, without `excluded` (paths relative to `top`).
 * @param files runs git with scratchEnvironment
 * @throws ClusterRunnerError PREPARATION_FAILED
 */
export async function writeTree(
  { git, files }: { readonly git: Git; readonly files: GitFiles },
  top: string,
  excluded: readonly string[],
): Promise<{ tree: string; notes: string[] }> {
  const notes = await clearFlags(files, top);
  // Git would add the commit of an embedded repository, or fail when it has none.
  const embedded = await files.list(
    top,
    ...SETTINGS,
    'ls-files',
    '--others',
    '-z',
    '--exclude-standard',
    '--',
    '*/',
  );
  for (const name of embedded) {
    notes.push(`${shown(name)} is a repository of its own, and is left out.`);
  }
  const named = [];
  for (const path of excluded) {
    // Git leaves out what is ignored, but fails when it is excluded by name as well.
    if ((await git(top, 'check-ignore', '--quiet', '--', path)).exitCode !== 0) {
      named.push(Buffer.from(path));
    }
  }
  const without = [...named, ...embedded];
  const pathspecs = without.map((path) => Buffer.concat([Buffer.from(':(exclude,literal)'), path]));
  const added = await files.withList([Buffer.from('.'), ...pathspecs], (list) =>
    git(top, ...SETTINGS, 'add', '--all', `--pathspec-from-file=${list}`, '--pathspec-file-nul'),
  );
  if (added.exitCode !== 0) {
    throw gitError('A file of the working tree cannot be read; fix that, or let git ignore it', added);
  }
  const written = await git(top, ...SETTINGS, 'write-tree', '--missing-ok');
  if (written.exitCode !== 0) {
    throw gitError('The tree of the snapshot cannot be written', written);
  }
  for (const path of await changedSubmodules(git, top)) {
    notes.push(
      `Of the submodule ${path} the commit that is checked out is taken, not what is changed in it.`,
    );
  }
  return { tree: written.stdout.trim(), notes };
}

/** Submodules with uncommitted changes. Everything else is in the index by now. */
async function changedSubmodules(git: Git, top: string): Promise<string[]> {
  const { stdout } = await git(top, ...SETTINGS, 'diff-files', '--raw', '-z', '--ignore-submodules=none');
  return [...stdout.matchAll(/(?:^|\0):160000 160000 [^\0]*\0([^\0]*)/g)].map(([, path = '']) => shown(path));
}

/**
 * Clears index flags that make git ignore changes, for files that exist: a sparse checkout lacks some. Resolves with messages
 * about files with conflicts.
 */
async function clearFlags(files: GitFiles, top: string): Promise<string[]> {
  const assumed: Buffer[] = [];
  const skipped: Buffer[] = [];
  const conflicts = new Set<string>();
  for (const entry of await files.list(top, ...SETTINGS, 'ls-files', '-v', '-z')) {
    // A letter and a space; lower case means assume-unchanged.
    const tag = String.fromCharCode(entry[0] ?? 0);
    const path = entry.subarray(2);
    if (tag !== tag.toUpperCase()) {
      assumed.push(path);
    }
    if (tag.toUpperCase() === 'S' && isThere(top, path)) {
      skipped.push(path);
    }
    if (tag.toUpperCase() === 'M') {
      conflicts.add(shown(path));
    }
  }
  await files.feed(top, assumed, ...SETTINGS, 'update-index', '-z', '--no-assume-unchanged', '--stdin');
  await files.feed(top, skipped, ...SETTINGS, 'update-index', '-z', '--no-skip-worktree', '--stdin');
  return [...conflicts].map(
    (path) => `${path} has conflicts that are not resolved; it is taken as the file stands.`,
  );
}

function isThere(top: string, path: Buffer): boolean {
  const whole = Buffer.concat([Buffer.from(`${top}/`), path]);
  // ENOTDIR: a file is in the place of a folder of the path.
  return nullOn(['ENOENT', 'ENOTDIR'], () => lstatSync(whole)) !== null;
}

/** The name of a file in a message. */
function shown(name: Buffer | string): string {
  const text = name.toString().replace(/\/$/, '');
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(text) ? text : JSON.stringify(text);
}
