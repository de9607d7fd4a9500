import { setMaxListeners } from 'node:events';
import { Adversary } from './adversary.js';
import { allBuilds } from './all-builds.js';
import { drawBatchPlan } from './batch-plans.js';
import { type BuildsChecked, checkBuilds } from './check-builds.js';
import { checkFiles, checkNoProcesses, checkProcessesOfBuilds, checkResults } from './check-leftovers.js';
import { checkWitness } from './check-witness.js';
import type { Diary } from './diary.js';
import { pause, within } from './pause.js';
import { drawPlan, type Plan } from './plans.js';
import { Projects } from './projects.js';
import { Random } from './random.js';
import { checkStore, readStoreFacts } from './store-facts.js';
import { Users } from './users.js';
import { Witness } from './witness.js';
import { isGoodEnd, World } from './world.js';

export interface ChaosOptions {
  readonly seed: number;
  /** Faults happen during this time. */
  readonly seconds: number;
  readonly numSlaves?: number;
  /**
   * Atoms leave daemons, stop themselves and overwrite their consoles, and the master's disk fills up. Needs root.
   */
  readonly isHostile?: boolean;
}

const NUM_USERS = 12;
/** More than any run executes. */
const PLANS_PER_SECOND = 4;
/** How many of the builds have batches. */
const SHARE_OF_BATCHES = 0.2;
/** The longest wait of a slave for its master, plus a lease and the longest build. */
const SETTLE_SECONDS = 120;

/**
 * Runs builds with known results on real processes while a seeded adversary injects faults. Then lets everything
 * settle, and notes every violation in the diary.
 */
export async function runChaos(options: ChaosOptions, diary: Diary): Promise<BuildsChecked> {
  const random = new Random(options.seed);
  const planning = random.fork();
  const plans = Array.from(
    { length: Math.ceil(options.seconds * PLANS_PER_SECOND) + NUM_USERS },
    (_, number) => {
      const folder = `plan-${number}`;
      return planning.chance(SHARE_OF_BATCHES)
        ? drawBatchPlan(planning, folder)
        : drawPlan(planning, folder, options.isHostile ?? false);
    },
  );
  const world = await World.create(diary, options.numSlaves ?? 3, options.isHostile ?? false);
  try {
    diary.say(`seed ${options.seed}; files are in ${world.root}`);
    const projects = await Projects.create(world.root, plans);
    await world.start();
    const users = new Users(world, projects, diary);
    const witness = new Witness(world, diary);
    await injectFaults(options.seconds, world, plans, users, witness, random.fork(), diary);
    return await checkEverything(world, plans, users, witness, diary);
  } finally {
    await world.destroy(diary.violations.length > 0);
  }
}

async function injectFaults(
  seconds: number,
  world: World,
  plans: readonly Plan[],
  users: Users,
  witness: Witness,
  random: Random,
  diary: Diary,
): Promise<void> {
  const faults = new AbortController();
  setMaxListeners(0, faults.signal);
  const watching = new AbortController();
  const watched = witness.watch(watching.signal);
  const supply = plans.values();
  const working = Array.from({ length: NUM_USERS }, () => users.work(supply, faults.signal));
  // On a slow machine the first build takes as long to start as all faults last.
  if (!(await within(SETTLE_SECONDS, () => users.promised.size > 0))) {
    diary.violation(`No build could be created within ${SETTLE_SECONDS} s.`);
  }
  const adversary = new Adversary(world, random, diary).injectFaults(faults.signal);
  await pause(seconds * 1000, faults.signal);
  diary.say('no more faults');
  faults.abort();
  await Promise.all([adversary, ...working]);
  await world.startMaster();
  diary.say('everything is repaired');
  await settle(world, plans, users, diary);
  watching.abort();
  await watched;
}

async function settle(world: World, plans: readonly Plan[], users: Users, diary: Diary): Promise<void> {
  let left = 0;
  const isSettled = await within(SETTLE_SECONDS, async () => {
    await users.cancelLeftovers(plans);
    const builds = await allBuilds(world.observer);
    left = builds.filter(({ result }) => result === null).length;
    return left === 0;
  });
  diary.say(isSettled ? 'all builds have ended' : `${left} builds have not ended after ${SETTLE_SECONDS} s`);
}

async function checkEverything(
  world: World,
  plans: readonly Plan[],
  users: Users,
  witness: Witness,
  diary: Diary,
): Promise<BuildsChecked> {
  await checkFiles(world, diary);
  await checkProcessesOfBuilds(world, diary);
  await stopAll(world, diary);
  await checkNoProcesses(world, diary);
  checkStore(world, diary);
  const facts = readStoreFacts(world);
  checkResults(world, facts, diary);
  const counted = ['SLAVE_SUSPECT', 'SLAVE_TRUSTED', 'SLAVE_LOST', 'SUBJOB_DUPLICATED', 'SUBJOB_LOST'];
  diary.say(counted.map((tag) => `${facts.events(tag)} x ${tag}`).join(', '));
  // A last check of what killed processes left.
  await world.startMaster();
  const checked = await checkBuilds(world, plans, users, facts, diary);
  await checkWitness(world, witness, diary);
  return checked;
}

/** Slaves first: they unregister at a master that listens. */
async function stopAll(world: World, diary: Diary): Promise<void> {
  const codes = await Promise.all(world.slaves.map(({ service }) => service.stop()));
  codes.push(await world.master.stop());
  if (!codes.every(isGoodEnd)) {
    diary.violation(`The slaves and the master ended with ${codes.join(', ')} when they were asked to.`);
  }
}
