import { readFile } from 'node:fs/promises';
import type { MasterBundles, ReceivedBundle } from '../../src/master/state/master-api.js';
import type { BundleInfo } from '../../src/protocol/bundle.js';
import { ClusterRunnerError } from '../../src/protocol/errors.js';

/** Accepts every bundle, and returns none. */
export class FakeBundles implements MasterBundles {
  readonly numSlaves = 1;
  readonly bundles = new Map<
    string,
    { readonly base: string | null; readonly content: Buffer; readonly digest: string }
  >();
  /** Thrown for the next bundle. */
  free = 1024 ** 2;

  known(commits: readonly string[]): string[] {
    return commits.filter((commit) => this.bundles.has(commit));
  }

  chain(commit: string): BundleInfo[] {
    const found = this.bundles.get(commit);
    return found === undefined
      ? []
      : [{ commit, base: found.base, bytes: found.content.length, digest: found.digest }];
  }

  async open(commit: string): Promise<never> {
    throw new ClusterRunnerError('NOT_FOUND', `The master has no bundle of commit ${commit}.`);
  }

  async remainingBytes(): Promise<number> {
    return this.free;
  }

  async keep(commit: string, base: string | null, { temporaryPath, digest }: ReceivedBundle): Promise<void> {
    this.bundles.set(commit, { base, content: await readFile(temporaryPath), digest });
  }
}
