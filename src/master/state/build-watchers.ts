import { deferred } from '../../lib/async/deferred.js';
import { waitWithTimeout } from '../../lib/async/wait-with-timeout.js';
import type { Clock } from '../../lib/clock.js';
import type { BuildId } from '../../protocol/ids.js';

interface Watcher {
  readonly what: 'change' | 'end';
  readonly wake: () => void;
}

/** Requests that wait for a build to change or to end. */
export class BuildWatchers {
  readonly #watchers = new Map<BuildId, Set<Watcher>>();

  async wait(
    clock: Clock,
    build: BuildId,
    what: 'change' | 'end',
    ms: number,
    gone: AbortSignal,
  ): Promise<void> {
    const { promise, resolve } = deferred<void>();
    const watcher = { what, wake: () => resolve() };
    const ofBuild = this.#watchers.get(build) ?? new Set();
    this.#watchers.set(build, ofBuild.add(watcher));
    await waitWithTimeout(clock, ms, promise, gone);
    ofBuild.delete(watcher);
    if (ofBuild.size === 0 && this.#watchers.get(build) === ofBuild) {
      this.#watchers.delete(build);
    }
  }

  changed(build: BuildId): void {
    for (const { what, wake } of this.#watchers.get(build) ?? []) {
      if (what === 'change') {
        wake();
      }
    }
  }

  ended(build: BuildId): void {
    for (const { wake } of this.#watchers.get(build) ?? []) {
      wake();
    }
  }
}
