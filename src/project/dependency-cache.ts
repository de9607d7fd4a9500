import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { KeyedMutex } from '../lib/async/keyed-mutex.js';
import type { Clock } from '../lib/clock.js';
import { hasCode } from '../lib/error-code.js';
import { removeTree } from '../lib/fs/remove-tree.js';
import { maskCredentials } from '../lib/text/mask-credentials.js';
import { runProgram } from '../process/run-program.js';
import type { DependencyCacheDefinition, NamedJob } from '../protocol/build/job.js';
import type { Project } from '../protocol/build/project.js';
import { messageOf } from '../protocol/errors.js';
import { deepestExisting, isReallyInside } from './workspace/path-containment.js';

/*
 * Folders that `setup_build` makes and the next builds of the same job take over, such as `node_modules`. They are
 * copied: into the cache when a setup has made them and before any test runs, and out of it into each checkout. So no
 * test can change what a later build gets.
 */

export interface CacheRequest {
  readonly project: Project;
  readonly job: NamedJob;
  /** The checkout, in which `key` and `paths` are. */
  readonly projectDirectory: string;
  readonly signal: AbortSignal;
}

export interface DependencyCacheOptions {
  /** Of this slave alone. */
  readonly root: string;
  /** Of all entries together; 0: nothing is kept. */
  readonly maxBytes: number;
  /** Of the programs that copy. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  warn(sentence: string): void;
}

/** Forms a cache key; a change of what an entry holds needs another. */
const FORMAT = 1;
const MAX_OUTPUT_BYTES = 4096;
/** Refs of code that somebody proposes and nobody has accepted: what it makes is for builds of the same ref alone. */
const PROPOSED = /^refs\/(pull|merge-requests|pull-requests|changes)\/|^(pull|merge-requests)\/\d/;

/**
 * Whose builds share what is kept; null where nothing is: a directory keeps its files itself, and a tree without a
 * repository has no name to be known by.
 */
export function cacheScope(project: Project, job: string): readonly string[] | null {
  if (project.type === 'directory' || project.url === null) {
    return null;
  }
  const ref = project.type === 'git' && PROPOSED.test(project.branch ?? '') ? (project.branch ?? '') : '';
  // A password that is changed makes no other project.
  return [project.type, maskCredentials(project.url), project.project_directory ?? '', job, ref];
}

export class DependencyCache {
  readonly #options: DependencyCacheOptions;
  readonly #directory: string;
  readonly #queue = new KeyedMutex();
  /** Entries that are read or written now: they are not removed. */
  readonly #inUse = new Map<string, number>();

  constructor(options: DependencyCacheOptions) {
    this.#options = options;
    this.#directory = join(options.root, 'caches');
  }

  /**
   * Runs `setup` in a checkout that has what an earlier setup of the same key has made, and keeps what it makes
   * where nothing was kept. `setup` is told whether the checkout has it, and resolves with whether it went well.
   * A cache that cannot be used costs time, and no build.
   */
  async around<T>(
    request: CacheRequest,
    setup: (isHit: boolean) => Promise<{ readonly ok: boolean; readonly value: T }>,
  ): Promise<T> {
    const definition = request.job.definition.cache;
    const scope = cacheScope(request.project, request.job.name);
    if (definition === undefined || scope === null || this.#options.maxBytes === 0) {
      return (await setup(false)).value;
    }
    const key = await this.#keyOf(request, definition, scope);
    // Of two builds of one key that begin together, the second finds what the first has kept.
    return await this.#queue.run(key, async () => {
      const isHit = await this.#holding(key, () => this.#restore(key, request, definition));
      const { ok, value } = await setup(isHit);
      if (ok && !isHit && !request.signal.aborted) {
        await this.#holding(key, () => this.#save(key, request, definition));
      }
      return value;
    });
  }

  /** Makes room: removes every entry that is not in use. */
  async clear(): Promise<void> {
    await this.#trim(0);
  }

  async #keyOf(
    { job, projectDirectory }: CacheRequest,
    definition: DependencyCacheDefinition,
    scope: readonly string[],
  ): Promise<string> {
    const files = await Promise.all(definition.key.map((path) => digestOf(projectDirectory, path)));
    const facts = [
      FORMAT,
      scope,
      process.platform,
      process.arch,
      job.definition.setup_build ?? [],
      definition,
      files,
    ];
    return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 40);
  }

  /** False when nothing is kept, or it cannot be put into the checkout, which then has nothing of it. */
  async #restore(key: string, request: CacheRequest, { paths }: DependencyCacheDefinition): Promise<boolean> {
    const entry = join(this.#directory, key);
    if (!existsSync(join(entry, 'complete'))) {
      return false;
    }
    const made: string[] = [];
    try {
      for (const [index, path] of paths.entries()) {
        const to = join(request.projectDirectory, path);
        if ((await kindOf(to)) !== 'nothing') {
          throw new Error(`${path} is in the checkout already`);
        }
        await this.#requireInside(request.projectDirectory, path);
        await mkdir(dirname(to), { recursive: true });
        made.push(to);
        await this.#copy(join(entry, String(index)), to, request.signal);
      }
      const now = new Date(this.#options.clock.now());
      await utimes(join(entry, 'complete'), now, now);
      return true;
    } catch (error) {
      for (const path of made) {
        await this.#discard(path);
      }
      if (!request.signal.aborted) {
        this.#options.warn(`The cache of job ${request.job.name} is not used: ${messageOf(error)}.`);
      }
      return false;
    }
  }

  async #save(key: string, request: CacheRequest, { paths }: DependencyCacheDefinition): Promise<void> {
    const unfinished = join(this.#directory, `unfinished-${randomUUID()}`);
    try {
      await mkdir(unfinished, { recursive: true, mode: 0o700 });
      for (const [index, path] of paths.entries()) {
        const from = join(request.projectDirectory, path);
        await this.#requireInside(request.projectDirectory, path);
        const kind = await kindOf(from);
        if (kind !== 'file' && kind !== 'folder') {
          throw new Error(
            kind === 'nothing' ? `setup_build has made no ${path}` : `${path} is no folder or file`,
          );
        }
        await this.#copy(from, join(unfinished, String(index)), request.signal);
      }
      const bytes = await this.#sizeOf(unfinished, request.signal);
      if (bytes > this.#options.maxBytes) {
        throw new Error(
          `it has ${Math.ceil(bytes / 1024 ** 2)} MiB, more than dependency_cache_max_mib lets it`,
        );
      }
      await mkdir(join(unfinished, 'complete'));
      await this.#trim(this.#options.maxBytes - bytes);
      await removeTree(join(this.#directory, key));
      await rename(unfinished, join(this.#directory, key));
    } catch (error) {
      await this.#discard(unfinished);
      if (!request.signal.aborted) {
        this.#options.warn(
          `What the setup of job ${request.job.name} made is not kept: ${messageOf(error)}.`,
        );
      }
    }
  }

  /** Not to have a build fail for want of a cache. */
  async #discard(path: string): Promise<void> {
    await removeTree(path).catch((error: unknown) => {
      this.#options.warn(`${path} could not be removed: ${messageOf(error)}.`);
    });
  }

  /** Removes the entries that were used longest ago until the rest has at most so many bytes. */
  async #trim(maxBytes: number): Promise<void> {
    const names = existsSync(this.#directory) ? await readdir(this.#directory) : [];
    const entries = await Promise.all(
      names
        .filter((name) => !name.startsWith('unfinished-') && !this.#inUse.has(name))
        .map(async (name) => {
          const path = join(this.#directory, name);
          const used = await stat(join(path, 'complete')).then(
            ({ mtimeMs }) => mtimeMs,
            () => 0,
          );
          return { path, used, bytes: await this.#sizeOf(path, new AbortController().signal) };
        }),
    );
    let left = maxBytes;
    for (const { path, bytes } of entries.sort((a, b) => b.used - a.used)) {
      left -= bytes;
      if (left < 0) {
        await removeTree(path);
      }
    }
  }

  async #holding<T>(key: string, action: () => Promise<T>): Promise<T> {
    this.#inUse.set(key, (this.#inUse.get(key) ?? 0) + 1);
    try {
      return await action();
    } finally {
      const others = (this.#inUse.get(key) ?? 1) - 1;
      if (others === 0) {
        this.#inUse.delete(key);
      } else {
        this.#inUse.set(key, others);
      }
    }
  }

  /** @throws Error where a link on the way leads out of the checkout */
  async #requireInside(projectDirectory: string, path: string): Promise<void> {
    const parent = await deepestExisting(projectDirectory, dirname(path));
    if (!(await isReallyInside(projectDirectory, parent))) {
      throw new Error(`${path} leads out of the checkout through a link`);
    }
  }

  async #copy(from: string, to: string, signal: AbortSignal): Promise<void> {
    await this.#run('cp', ['-a', '--', from, to], signal);
  }

  async #sizeOf(path: string, signal: AbortSignal): Promise<number> {
    const kibibytes = await this.#run('du', ['-sk', '--', path], signal);
    return Number.parseInt(kibibytes, 10) * 1024;
  }

  async #run(file: string, args: readonly string[], signal: AbortSignal): Promise<string> {
    const { exitCode, stdout, stderr } = await runProgram({
      file,
      args,
      cwd: this.#options.root,
      env: { ...this.#options.env, LC_ALL: 'C' },
      signal,
      clock: this.#options.clock,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    });
    signal.throwIfAborted();
    if (exitCode !== 0) {
      throw new Error(`${file} exited with ${exitCode}: ${stderr.trim()}`);
    }
    return stdout;
  }
}

/** Removes what a slave that was killed left half-written. */
export async function sweepDependencyCache(root: string): Promise<void> {
  const directory = join(root, 'caches');
  const names = existsSync(directory) ? await readdir(directory) : [];
  for (const name of names.filter((one) => one.startsWith('unfinished-'))) {
    await removeTree(join(directory, name));
  }
}

/** Digest of a file's bytes; of one that is not there, or is no file, what it is instead. */
async function digestOf(projectDirectory: string, path: string): Promise<string> {
  const file = join(projectDirectory, path);
  const kind = await kindOf(file);
  if (kind !== 'file') {
    return kind;
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function kindOf(path: string): Promise<'nothing' | 'file' | 'folder' | 'other'> {
  try {
    const stats = await lstat(path);
    return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other';
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) {
      return 'nothing';
    }
    throw error;
  }
}
