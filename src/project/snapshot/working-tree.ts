import { existsSync, lstatSync } from 'node:fs';
import { copyFile, mkdir, realpath, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { nullOn } from '../../lib/error-code.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { alternateLine } from '../git/clone.js';
import type { Git } from '../git/git.js';
import { splitCredentials } from '../git/git-credentials.js';
import { failed } from '../git/git-errors.js';
import type { GitFiles } from '../git/git-files.js';
import { isUsableUrl } from '../git/validate-git-args.js';
import { copyIndex } from '../workspace/copy-index.js';
import type { Committed } from './deterministic-commit.js';

/** Of each the master is asked for two commits; see MAX_COMMITS_ASKED. More would not fit into what is kept of an output. */
const MAX_ANCESTORS = 250;

/** A checkout of the user's, of which nothing is ever changed. */
export interface WorkingTree {
  readonly top: string;
  /** The folder that holds clusterrunner.yaml, from the top; null: the top itself. */
  readonly projectDirectory: string | null;
  /** Of its remote `origin`, without credentials; null when it has none that other machines could use. */
  readonly url: string | null;
  readonly index: string;
  readonly objects: string;
  readonly shallow: string;
}

/** @throws ClusterRunnerError USAGE when `directory` is in no working tree; PREPARATION_FAILED */
export async function findWorkingTree(git: Git, directory: string): Promise<WorkingTree> {
  const shown = await git(directory, 'rev-parse', '--show-toplevel');
  if (shown.exitCode !== 0) {
    const { message } = failed(`A snapshot of ${directory} cannot be made`, shown);
    throw new ClusterRunnerError(
      'USAGE',
      `${message} It must be in a git checkout; \`build directory\` runs a folder that slaves have.`,
    );
  }
  const top = shown.stdout.replace(/\n$/, '');
  const names = ['index', 'objects', 'shallow'];
  const paths = await git(top, 'rev-parse', ...names.flatMap((name) => ['--git-path', name]));
  // Each ends with its name, also where there is a line end in it.
  const [, index, objects, shallow] =
    /^(.*\bindex)\n(.*\bobjects)\n(.*\bshallow)\n$/s.exec(paths.stdout) ?? [];
  if (
    index === undefined ||
    objects === undefined ||
    shallow === undefined ||
    paths.stdout.includes('\ufffd')
  ) {
    throw failed(`The repository of ${top} cannot be read`, paths);
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
  // Who reads it there has credentials of his own.
  const { url } = splitCredentials(stdout.trim());
  return exitCode === 0 && isUsableUrl(url) ? url : null;
}

/** What is committed, newest first; empty in a repository without a commit. */
export async function ancestorsOf(git: Git, top: string): Promise<Committed[]> {
  if ((await git(top, 'rev-parse', '--quiet', '--verify', 'HEAD^{commit}')).exitCode !== 0) {
    return [];
  }
  const args = ['rev-list', `--max-count=${MAX_ANCESTORS}`, '--format=%H %T %ct', 'HEAD', '--'];
  const listed = await git(top, ...args);
  if (listed.exitCode !== 0) {
    throw failed('The history of the checkout cannot be read', listed);
  }
  return [...listed.stdout.matchAll(/^([0-9a-f]+) ([0-9a-f]+) (\d+)$/gm)].map(
    ([, commit = '', tree = '', seconds]) => ({ commit, tree, seconds: Number(seconds) }),
  );
}

/**
 * Makes a repository at `scratch`, which is not there yet, that sees the objects of the working tree's and keeps new
 * ones to itself; its index is a copy of the working tree's.
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
    throw failed('A folder for the snapshot could not be made', made);
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

/** What writes in the working tree's repository, told to write into the scratch repository. */
export function scratchEnvironment(scratch: string): Record<string, string> {
  return {
    GIT_INDEX_FILE: join(scratch, 'index'),
    GIT_OBJECT_DIRECTORY: join(scratch, 'objects'),
    // Not even the stat times in an index of a submodule.
    GIT_OPTIONAL_LOCKS: '0',
  };
}

/** In command-line form: what the user has set that would write, ask or fail for no reason here. */
const SETTINGS = [
  'core.splitIndex=false',
  'core.safecrlf=false',
  // The flags of the index are gone through one by one below.
  'core.sparseCheckout=false',
  'core.untrackedCache=false',
  // Changed files of LFS travel whole: nobody could fetch what was never pushed.
  'filter.lfs.clean=',
  'filter.lfs.process=',
  'filter.lfs.required=false',
].flatMap((setting) => ['-c', setting]);

/**
 * Writes the tree of all files that are there and not ignored, but for `excluded` (paths from the top).
 * @param files runs git with scratchEnvironment
 * @throws ClusterRunnerError PREPARATION_FAILED
 */
export async function writeTree(
  { git, files }: { readonly git: Git; readonly files: GitFiles },
  top: string,
  excluded: readonly string[],
): Promise<{ tree: string; notes: string[] }> {
  const notes = await clearFlags(files, top);
  // Git would take the commit of such a repository, or refuse to go on where it has none.
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
  const without = [...excluded.map((path) => Buffer.from(path)), ...embedded];
  const pathspecs = without.map((path) => Buffer.concat([Buffer.from(':(exclude,literal)'), path]));
  const added = await files.withList([Buffer.from('.'), ...pathspecs], (list) =>
    git(top, ...SETTINGS, 'add', '--all', `--pathspec-from-file=${list}`, '--pathspec-file-nul'),
  );
  if (added.exitCode !== 0) {
    throw failed('A file of the working tree cannot be read; mend that, or let git ignore it', added);
  }
  const written = await git(top, ...SETTINGS, 'write-tree', '--missing-ok');
  if (written.exitCode !== 0) {
    throw failed('The working tree cannot be written down', written);
  }
  for (const path of await changedSubmodules(git, top)) {
    notes.push(
      `Of the submodule ${path} the commit that is checked out is taken, not what is changed in it.`,
    );
  }
  return { tree: written.stdout.trim(), notes };
}

/** Those in which something is not committed: everything else is as the index says by now. */
async function changedSubmodules(git: Git, top: string): Promise<string[]> {
  const { stdout } = await git(top, ...SETTINGS, 'diff-files', '--raw', '-z', '--ignore-submodules=none');
  return [...stdout.matchAll(/(?:^|\0):160000 160000 [^\0]*\0([^\0]*)/g)].map(([, path = '']) => shown(path));
}

/**
 * Has git look at files that the index says not to look at, as far as they are there: a sparse checkout has not all.
 * Resolves with sentences about what is taken though somebody may not expect it.
 */
async function clearFlags(files: GitFiles, top: string): Promise<string[]> {
  const assumed: Buffer[] = [];
  const skipped: Buffer[] = [];
  const conflicts = new Set<string>();
  for (const entry of await files.list(top, ...SETTINGS, 'ls-files', '-v', '-z')) {
    // A letter and a blank: in lower case where it is assumed to be unchanged.
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
  await files.give(top, assumed, ...SETTINGS, 'update-index', '-z', '--no-assume-unchanged', '--stdin');
  await files.give(top, skipped, ...SETTINGS, 'update-index', '-z', '--no-skip-worktree', '--stdin');
  return [...conflicts].map(
    (path) => `${path} has conflicts that are not resolved; it is taken as the file stands.`,
  );
}

function isThere(top: string, path: Buffer): boolean {
  const whole = Buffer.concat([Buffer.from(`${top}/`), path]);
  // ENOTDIR: a file stands where a folder of the path should be.
  return nullOn(['ENOENT', 'ENOTDIR'], () => lstatSync(whole)) !== null;
}

/** The name of a file in a sentence. */
function shown(name: Buffer | string): string {
  const text = name.toString().replace(/\/$/, '');
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(text) ? text : JSON.stringify(text);
}
