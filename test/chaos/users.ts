import type { MasterClient } from '../../src/client/master-client.js';
import type { Build } from '../../src/protocol/build/build.js';
import { ClusterRunnerError, messageOf } from '../../src/protocol/errors.js';
import type { BuildId } from '../../src/protocol/ids.js';
import { allBuilds, planOf } from './all-builds.js';
import type { Diary } from './diary.js';
import { pause } from './pause.js';
import { type Plan, requestOf } from './plans.js';
import type { Projects } from './projects.js';
import type { World } from './world.js';

const RETRY_MS = 300;

/** Starts builds like people's programs, over a bad network, and remembers the master's promises. */
export class Users {
  /** Every id in a response to a build request. */
  readonly promised = new Map<BuildId, Plan>();
  /** Plans whose request got no response: the master may have created their builds nevertheless. */
  readonly unanswered = new Set<Plan>();
  /** Plans whose build was seen or promised. */
  readonly begun = new Set<Plan>();
  readonly #world: World;
  readonly #projects: Projects;
  readonly #diary: Diary;

  constructor(world: World, projects: Projects, diary: Diary) {
    this.#world = world;
    this.#projects = projects;
    this.#diary = diary;
  }

  /** Executes plans one after another, until `stop`. */
  async work(plans: Iterator<Plan>, stop: AbortSignal): Promise<void> {
    const client = this.#world.client();
    try {
      while (!stop.aborted) {
        const { value: plan, done } = plans.next();
        if (done === true) {
          return;
        }
        await this.#execute(client, plan, stop);
      }
    } finally {
      await client.close();
    }
  }

  /** After the faults: cancels the builds that were meant to be canceled, even if nobody knew of them. */
  async cancelLeftovers(plans: readonly Plan[]): Promise<void> {
    const client = this.#world.observer;
    for (const build of await allBuilds(client)) {
      if (build.result === null && planOf(plans, build)?.outcome.kind === 'canceled') {
        await client.cancelBuild(build.id);
      }
    }
  }

  async #execute(client: MasterClient, plan: Plan, stop: AbortSignal): Promise<void> {
    const id = await this.#createBuild(client, plan, stop);
    if (id === null) {
      return;
    }
    this.begun.add(plan);
    if (plan.outcome.kind === 'canceled') {
      await pause(plan.outcome.afterMs, stop);
      await this.#retry(stop, () => client.cancelBuild(id));
      return;
    }
    let build: Build | null = null;
    while (!stop.aborted && (build === null || build.result === null)) {
      const watched = await this.#retry(stop, () =>
        client.watchBuild(id, { waitSeconds: 5, until: 'end', etag: null }, { signal: stop }),
      );
      build = watched?.build ?? build;
    }
  }

  async #createBuild(client: MasterClient, plan: Plan, stop: AbortSignal): Promise<BuildId | null> {
    const request = requestOf(plan, this.#projects.directoryOf(plan), this.#projects.repository.url);
    while (!stop.aborted) {
      try {
        const { build_id } = await client.createBuild(request);
        this.#promise(build_id, plan);
        return build_id;
      } catch (error) {
        this.#requireUnreachable(error, `creating the build of ${plan.folder}`);
        this.unanswered.add(plan);
      }
      await pause(RETRY_MS, stop);
      const builds = await this.#retry(stop, () => allBuilds(client));
      const found = builds?.find((build) => planOf([plan], build) === plan);
      if (found !== undefined) {
        return found.id;
      }
    }
    return null;
  }

  #promise(id: BuildId, plan: Plan): void {
    const before = this.promised.get(id);
    if (before !== undefined) {
      this.#diary.violation(`Build ${id} was promised twice: for ${before.folder} and for ${plan.folder}.`);
    }
    const highest = Math.max(0, ...this.promised.keys());
    if (id <= highest - 50) {
      this.#diary.violation(`Build ${id} was promised long after build ${highest}.`);
    }
    this.promised.set(id, plan);
  }

  /** null without a response before the stop. */
  async #retry<T>(stop: AbortSignal, call: () => Promise<T>): Promise<T | null> {
    while (!stop.aborted) {
      try {
        return await call();
      } catch (error) {
        if (!stop.aborted) {
          this.#requireUnreachable(error, 'a call of a user');
        }
      }
      await pause(RETRY_MS, stop);
    }
    return null;
  }

  #requireUnreachable(error: unknown, what: string): void {
    const code = error instanceof ClusterRunnerError ? error.code : null;
    if (code !== 'MASTER_UNREACHABLE' && code !== 'UNAVAILABLE') {
      this.#diary.violation(
        `${what} failed by something else than the network (${String(code)}): ${messageOf(error)}`,
      );
    }
  }
}
