import { isDeepStrictEqual } from 'node:util';
import type { Build } from '../../src/protocol/build/build.js';
import { ClusterRunnerError } from '../../src/protocol/errors.js';
import type { Event } from '../../src/protocol/event.js';
import type { BuildId } from '../../src/protocol/ids.js';
import { lastingFacts } from '../support/lasting-facts.js';
import { allBuilds } from './all-builds.js';
import type { Diary } from './diary.js';
import { pause } from './pause.js';
import type { World } from './world.js';

const EVERY_MS = 250;

/** Remembers what the master has said in public, whatever dies meanwhile: nothing of it may change later. */
export class Witness {
  readonly events = new Map<number, Event>();
  readonly ends = new Map<BuildId, Build>();
  readonly #world: World;
  readonly #diary: Diary;

  constructor(world: World, diary: Diary) {
    this.#world = world;
    this.#diary = diary;
  }

  /** Until `stop`. */
  async watch(stop: AbortSignal): Promise<void> {
    await Promise.all([this.#followEvents(stop), this.#watchBuilds(stop)]);
  }

  async #followEvents(stop: AbortSignal): Promise<void> {
    let last = 0;
    while (!stop.aborted) {
      await this.#retryWhileDown(stop, async () => {
        for await (const event of this.#world.observer.followEvents({ sinceId: last, signal: stop })) {
          if (event.id <= last) {
            this.#diary.violation(`Event ${event.id} came after event ${last}.`);
          }
          last = Math.max(last, event.id);
          this.events.set(event.id, event);
        }
      });
    }
  }

  async #watchBuilds(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#retryWhileDown(stop, async () => {
        for (const build of await allBuilds(this.#world.observer)) {
          this.#see(lastingFacts(build));
        }
      });
    }
  }

  #see(build: Build): void {
    const before = this.ends.get(build.id);
    if (before !== undefined && !isDeepStrictEqual(before, build)) {
      this.#diary.violation(
        `Build ${build.id} had ended as ${JSON.stringify(before)}, and is now ${JSON.stringify(build)}.`,
      );
    }
    if (build.result !== null) {
      this.ends.set(build.id, build);
    }
  }

  async #retryWhileDown(stop: AbortSignal, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      if (!stop.aborted && !(error instanceof ClusterRunnerError)) {
        throw error;
      }
    }
    await pause(EVERY_MS, stop);
  }
}
