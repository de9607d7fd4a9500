import { isDeepStrictEqual } from 'node:util';
import type { Event } from '../../src/protocol/event.js';
import { lastingFacts } from '../support/lasting-facts.js';
import { allBuilds } from './all-builds.js';
import type { Diary } from './diary.js';
import type { Witness } from './witness.js';
import type { World } from './world.js';

/** Everything that the master has said in public is still true. */
export async function checkWitness(world: World, witness: Witness, diary: Diary): Promise<void> {
  const log = await wholeLog(world, Math.max(0, ...witness.events.keys()));
  for (const [id, seen] of witness.events) {
    if (!isDeepStrictEqual(log.get(id), seen)) {
      diary.violation(
        `Event ${id} was ${JSON.stringify(seen)} when it was seen, and is now ${JSON.stringify(log.get(id))}.`,
      );
    }
  }
  const builds = new Map((await allBuilds(world.observer)).map((build) => [build.id, lastingFacts(build)]));
  for (const [id, seen] of witness.ends) {
    if (!isDeepStrictEqual(builds.get(id), seen)) {
      diary.violation(
        `Build ${id} had ended as ${JSON.stringify(seen)}, and is now ${JSON.stringify(builds.get(id))}.`,
      );
    }
  }
}

async function wholeLog(world: World, last: number): Promise<Map<number, Event>> {
  const log = new Map<number, Event>();
  if (last > 0) {
    for await (const event of world.observer.followEvents({ sinceId: 0 })) {
      log.set(event.id, event);
      if (event.id >= last) {
        break;
      }
    }
  }
  return log;
}
