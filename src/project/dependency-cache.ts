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
import type { NamedJob } from '../protocol/build/job.js';
import { type DependencyCacheDefinition, dependencyCacheOf } from '../protocol/build/job-inputs.js';
import { type Project, proposedRef } from '../protocol/build/project.js';
import { messageOf } from '../protocol/errors.js';
import { deepestExisting, isReallyInside } from './workspace/path-containment.js';

/*
 * Caches folders that `setup_build` creates, such as `node_modules`, for later builds of the same job. They are copied into the
 * cache after a setup and before any atom runs, and from the cache into each checkout: no atom can change what a later build
 * gets.
 */

export interface CacheRequest {
  readonly project: Project;
  readonly job: NamedJob;
  /** The checkout, to which `key` and `paths` of the definition are relative. */
  readonly projectDirectory: string;
  readonly signal: AbortSignal;
}

export interface DependencyCacheOptions {
  /** The slave's own directory. */
  readonly root: string;
  /** Limit for all entries together; 0: nothing is cached. */
  readonly maxBytes: number;
  /** The environment of `cp` and `du`. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  warn(message: string): void;
}

/** Part of the cache key; to be raised when the content of entries changes. */
const FORMAT = 1;
const MAX_OUTPUT_BYTES = 4096;

/**
 * Identifies the builds that share cache entries; null when nothing is cached: a directory project keeps its files itself, and
 * a working tree without a remote has no identity.
 */
export function cacheScope(project: Project, job: string): readonly string[] | null {
  if (project.type === 'directory' || project.url === null) {
    return null;
  }
  const ref = proposedRef(project) ?? '';
  // A changed password does not make it another project.
  return [project.type, maskCredentials(project.url), project.project_directory ?? '', job, ref];
}

export class DependencyCache {
  readonly #options: DependencyCacheOptions;
  readonly #directory: string;
  readonly #queue = new KeyedMutex();
  /** Entries that are being read or written, and must not be removed; with the number of users. */
  readonly #inUse = new Map<string, number>();

  constructor(options: DependencyCacheOptions) {
    this.#options = options;
    this.#directory = join(options.root, 'caches');
  }

  /**
   * Runs `setup`: after a cache hit in a checkout that has the cached folders, otherwise caching what it has created if it
   * succeeds. A problem with the cache costs time, and never fails a build.
   */
  async around<T>(
    request: CacheRequest,
    setup: (isHit: boolean) => Promise<{ readonly ok: boolean; readonly value: T }>,
  ): Promise<T> {
    const definition = dependencyCacheOf(request.job.definition);
    const scope = cacheScope(request.project, request.job.name);
    if (definition === null || scope === null || this.#options.maxBytes === 0) {
      return (await setup(false)).value;
    }
    const key = await this.#keyOf(request, definition, scope);
    // When two builds with the same key start together, the second one waits and uses the entry of the first.
    return await this.#queue.run(key, async () => {
      const isHit = await this.#holding(key, () => this.#restore(key, request, definition));
      const { ok, value } = await setup(isHit);
      if (ok && !isHit && !request.signal.aborted) {
        await this.#holding(key, () => this.#save(key, request, definition));
      }
      return value;
    });
  }

  /** Frees space: removes every entry that is not in use. */
  async clear(): Promise<void> {
    await this.#trim(0);
  }

  async #keyOf(
    { job, projectDirectory }: CacheRequest,
    definition: DependencyCacheDefinition,
    scope: readonly string[],
  ): Promise<string> {
    const files = await Promise.all(definition.key.map((path) => digestOf(projectDirectory, path)));
    const parts = [
      FORMAT,
      scope,
      process.platform,
      process.arch,
      job.definition.setup_build ?? [],
      definition,
      files,
    ];
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);
  }

  /** Resolves with false on a miss, or when the entry cannot be copied; the checkout has nothing of it then. */
  async #restore(key: string, request: CacheRequest, { paths }: DependencyCacheDefinition): Promise<boolean> {
    const entry = join(this.#directory, key);
    if (!existsSync(join(entry, 'complete'))) {
      return false;
    }
    const created: string[] = [];
    try {
      for (const [index, path] of paths.entries()) {
        const to = join(request.projectDirectory, path);
        if ((await kindOf(to)) !== 'nothing') {
          throw new Error(`${path} is in the checkout already`);
        }
        await this.#requireInside(request.projectDirectory, path);
        await mkdir(dirname(to), { recursive: true });
        created.push(to);
        await this.#copy(join(entry, String(index)), to, request.signal);
      }
      const now = new Date(this.#options.clock.now());
      await utimes(join(entry, 'complete'), now, now);
      return true;
    } catch (error) {
      for (const path of created) {
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
            kind === 'nothing' ? `setup_build has not created ${path}` : `${path} is not a folder or file`,
          );
        }
        await this.#copy(from, join(unfinished, String(index)), request.signal);
      }
      const bytes = await this.#sizeOf(unfinished, request.signal);
      if (bytes > this.#options.maxBytes) {
        throw new Error(
          `it has ${Math.ceil(bytes / 1024 ** 2)} MiB, more than dependency_cache_max_mib allows`,
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
          `The result of the setup of job ${request.job.name} is not cached: ${messageOf(error)}.`,
        );
      }
    }
  }

  /** Never rejects: a build must not fail because of its cache. */
  async #discard(path: string): Promise<void> {
    await removeTree(path).catch((error: unknown) => {
      this.#options.warn(`${path} could not be removed: ${messageOf(error)}.`);
    });
  }

  /** Removes the least recently used entries until the others have at most `maxBytes`. */
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

  /** @throws Error when a link on the path leads out of the checkout */
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

/** Removes entries that a killed slave has left unfinished. */
export async function sweepDependencyCache(root: string): Promise<void> {
  const directory = join(root, 'caches');
  const names = existsSync(directory) ? await readdir(directory) : [];
  for (const name of names.filter((one) => one.startsWith('unfinished-'))) {
    await removeTree(join(directory, name));
  }
}

/** The digest of a file's content; for anything but a file, its kind. */
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
