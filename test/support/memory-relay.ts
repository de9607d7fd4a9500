import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleRelay } from '../../src/project/git/bundle-transfer.js';
import type { BundleInfo } from '../../src/protocol/bundle.js';

/** Keeps bundles in a folder, like the master. */
export class MemoryRelay implements BundleRelay {
  readonly packs = new Map<string, BundleInfo>();
  numSlaves = 2;
  fetched = 0;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory);
  }

  path(commit: string): string {
    return join(this.#directory, commit);
  }

  async known(commits: readonly string[]) {
    return { known: commits.filter((commit) => this.packs.has(commit)), numSlaves: this.numSlaves };
  }

  async chain(commit: string): Promise<BundleInfo[]> {
    const pack = this.packs.get(commit);
    if (pack === undefined) {
      return [];
    }
    return [pack, ...(pack.base === null ? [] : await this.chain(pack.base))];
  }

  async fetch({ commit }: BundleInfo, file: string): Promise<void> {
    this.fetched += 1;
    copyFileSync(this.path(commit), file);
  }

  async send(commit: string, base: string | null, file: string): Promise<void> {
    copyFileSync(file, this.path(commit));
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    this.packs.set(commit, { commit, base, bytes: statSync(file).size, digest });
  }
}
