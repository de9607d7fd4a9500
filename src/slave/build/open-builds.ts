import type { BuildId } from '../../protocol/ids.js';
import type { Assignment } from '../../protocol/slave/slave-messages.js';
import { BuildContext, type SlaveContext } from './build-context.js';

export interface OpenBuildsHooks {
  /** Resolves when the leases that the slave now holds of the build have ended. */
  leasesEnded(build: BuildId): Promise<unknown>;
  /** Called after the teardown of a build. */
  cleanUp(): Promise<void>;
  onReleased(): void;
}

/** The builds that this slave works on: each is opened by its first assignment, and released once. */
export class OpenBuilds {
  readonly #context: SlaveContext;
  readonly #hooks: OpenBuildsHooks;
  readonly #open = new Map<BuildId, BuildContext>();
  readonly #releasing = new Map<BuildId, Promise<void>>();

  constructor(context: SlaveContext, hooks: OpenBuildsHooks) {
    this.#context = context;
    this.#hooks = hooks;
  }

  /** Without those that are being released. */
  ids(): BuildId[] {
    return [...this.#open.keys()];
  }

  /** Builds whose last leases or teardown are running. */
  releasing(): BuildId[] {
    return [...this.#releasing.keys()];
  }

  /** Opens the build unless it is open, after a release of it that is under way. */
  async contextOf(assignment: Assignment): Promise<BuildContext> {
    const id = assignment.build_id;
    await this.#releasing.get(id);
    const known = this.#open.get(id);
    if (known !== undefined) {
      return known;
    }
    const context = new BuildContext(id, assignment, this.#context);
    this.#open.set(id, context);
    return context;
  }

  /** Ends a running fetch or setup of the build. */
  cancel(id: BuildId): void {
    this.#open.get(id)?.cancel();
  }

  /** Waits for the leases of the build, then runs its teardown and gives up its workspace. */
  release(id: BuildId): void {
    const context = this.#open.get(id);
    if (context === undefined) {
      return;
    }
    this.#open.delete(id);
    const released = this.#hooks
      .leasesEnded(id)
      .then(() => context.release())
      .then(() => this.#hooks.cleanUp())
      .catch((error: unknown) => {
        this.#context.log.error({ err: error, build: id }, 'A build could not be released.');
      })
      .finally(() => {
        this.#releasing.delete(id);
        this.#hooks.onReleased();
      });
    this.#releasing.set(id, released);
  }

  /** Resolves when all builds are released. */
  async releaseAll(): Promise<void> {
    for (const id of this.ids()) {
      this.release(id);
    }
    await Promise.all(this.#releasing.values());
  }
}
