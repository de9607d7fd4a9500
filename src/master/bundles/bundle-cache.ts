import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { ifPresentAsync } from '../../lib/error-code.js';
import { type BundleInfo, MAX_CHAIN } from '../../protocol/bundle.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { MasterBundles, ReceivedBundle } from '../state/master-api.js';

interface Kept extends BundleInfo {
  /** Milliseconds by the monotonic clock; for a bundle found at the start, when it was written. */
  usedAt: number;
}

const NAME = /^([0-9a-f]{40}|[0-9a-f]{64})\.([0-9a-f]{40}|[0-9a-f]{64}|whole)\.([0-9a-f]{64})\.bundle$/;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Longer than it takes from sending a bundle to starting the build that needs it, or to sending one based on it. */
const SURE_MS = 60 * 60 * 1000;
const MIB = 1024 ** 2;

export interface BundleCacheOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** For all bundles together. */
  readonly maxBytes: number;
  /** Throws UNAVAILABLE when the disk is nearly full. */
  readonly requireDisk: () => void;
  readonly numSlaves: () => number;
  /** Commits of builds that have not ended. */
  readonly needed: () => readonly string[];
}

/**
 * The bundles that the master passes on. The file name has all metadata, so a restarted master still has them. One is kept
 * while an unfinished build needs it, and for a day after its last use, since the next commit's is based on it. Beyond
 * `maxBytes`, the least recently used go first.
 */
export class BundleCache implements MasterBundles {
  readonly #options: BundleCacheOptions;
  readonly #kept = new Map<string, Kept>();

  constructor(options: BundleCacheOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(options.directory)) {
      const [, commit, base, digest] = NAME.exec(name) ?? [];
      const path = join(options.directory, name);
      if (commit !== undefined && base !== undefined && digest !== undefined) {
        const { size, mtimeMs } = statSync(path);
        const usedAt = options.clock.monotonic() - Math.max(0, options.clock.now() - mtimeMs);
        const kept = { commit, base: base === 'whole' ? null : base, bytes: size, digest, usedAt };
        this.#kept.set(commit, kept);
      } else if (name.endsWith('.bundle')) {
        // Written by an older version, without the digest.
        rmSync(path, { force: true, recursive: true });
      }
    }
  }

  get numSlaves(): number {
    return this.#options.numSlaves();
  }

  known(commits: readonly string[]): string[] {
    return commits.filter((commit) => {
      const { length } = this.chain(commit);
      return length > 0 && length <= MAX_CHAIN;
    });
  }

  chain(commit: string): BundleInfo[] {
    const chain = this.#chain(commit);
    const now = this.#options.clock.monotonic();
    for (const kept of chain) {
      kept.usedAt = now;
    }
    return chain.map(({ commit: one, base, bytes, digest }) => ({ commit: one, base, bytes, digest }));
  }

  async open(commit: string): Promise<{ file: FileHandle; bytes: number }> {
    const kept = this.#kept.get(commit);
    const file = kept === undefined ? null : await ifPresentAsync(() => open(this.#pathOf(kept), 'r'));
    if (kept === undefined || file === null) {
      // Somebody may have removed the file: then it is sent again.
      this.#kept.delete(commit);
      throw new ClusterRunnerError('NOT_FOUND', `The master has no bundle of commit ${commit} (any more).`);
    }
    return { file, bytes: kept.bytes };
  }

  async remainingBytes(): Promise<number> {
    this.#options.requireDisk();
    await this.trim();
    const remaining = this.#options.maxBytes - this.#bytes();
    if (remaining <= 0) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `The master keeps ${Math.floor(this.#options.maxBytes / MIB)} MiB of projects for builds that have not ended, which is all that it may; wait until some have, or raise packs_max_mib.`,
      );
    }
    return remaining;
  }

  async keep(
    commit: string,
    base: string | null,
    { temporaryPath, bytes, digest }: ReceivedBundle,
  ): Promise<void> {
    if (this.#chain(commit).length > 0) {
      return;
    }
    if (base !== null && this.known([base]).length === 0) {
      throw new ClusterRunnerError(
        'CONFLICT',
        `The master does not have commit ${base} (any more) that the bundle of ${commit} builds on; send a whole one.`,
      );
    }
    const before = this.#kept.get(commit);
    if (before !== undefined) {
      await this.#remove(before);
    }
    const kept = { commit, base, bytes, digest, usedAt: this.#options.clock.monotonic() };
    // No sync: after a power cut the slaves fall back to the origin, and git notices half a bundle.
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    await rename(temporaryPath, this.#pathOf(kept));
    this.#kept.set(commit, kept);
  }

  /** Removes bundles that are due. */
  async trim(): Promise<void> {
    const { clock, maxBytes, needed } = this.#options;
    const needs = new Set(needed().flatMap((commit) => this.#chain(commit)));
    const spare = [...this.#kept.values()]
      .filter((kept) => !needs.has(kept))
      .sort((a, b) => a.usedAt - b.usedAt);
    for (const kept of spare) {
      const idle = clock.monotonic() - kept.usedAt;
      const isBroken = this.#chain(kept.commit).length === 0;
      if (isBroken || idle > DAY_MS || (idle > SURE_MS && this.#bytes() > maxBytes)) {
        await this.#remove(kept);
      }
    }
  }

  /** Newest first; empty when a part is missing. */
  #chain(commit: string): Kept[] {
    const chain: Kept[] = [];
    let next: string | null = commit;
    while (next !== null) {
      const kept = this.#kept.get(next);
      if (kept === undefined || chain.length > MAX_CHAIN) {
        return [];
      }
      chain.push(kept);
      next = kept.base;
    }
    return chain;
  }

  #bytes(): number {
    let bytes = 0;
    for (const kept of this.#kept.values()) {
      bytes += kept.bytes;
    }
    return bytes;
  }

  async #remove(kept: Kept): Promise<void> {
    this.#kept.delete(kept.commit);
    await rm(this.#pathOf(kept), { force: true });
  }

  #pathOf({ commit, base, digest }: BundleInfo): string {
    return join(this.#options.directory, `${commit}.${base ?? 'whole'}.${digest}.bundle`);
  }
}
