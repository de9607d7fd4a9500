import type { Build } from '../../src/protocol/build/build.js';
import type { Atom } from '../../src/protocol/build/work.js';
import { allAtoms, allBuilds, planOf } from './all-builds.js';
import { checkArchive } from './check-archive.js';
import type { Diary } from './diary.js';
import type { ExpectedAtom, Plan } from './plans.js';
import type { StoreFacts } from './store-facts.js';
import type { Users } from './users.js';
import type { World } from './world.js';

export interface BuildsChecked {
  readonly builds: number;
  readonly atoms: number;
  /** Atoms without a known end, since three slaves were lost with them. */
  readonly lost: number;
}

/** Compares every build with its plan. */
export async function checkBuilds(
  world: World,
  plans: readonly Plan[],
  users: Users,
  facts: StoreFacts,
  diary: Diary,
): Promise<BuildsChecked> {
  const builds = await allBuilds(world.observer);
  checkPromises(builds, plans, users, diary);
  let atoms = 0;
  let lost = 0;
  for (const build of builds) {
    const plan = planOf(plans, build);
    if (plan === undefined) {
      continue;
    }
    const counted = await new BuildCheck(world, build, plan, facts, diary).check();
    atoms += counted.atoms;
    lost += counted.lost;
  }
  return { builds: builds.length, atoms, lost };
}

function checkPromises(builds: readonly Build[], plans: readonly Plan[], users: Users, diary: Diary): void {
  const byId = new Map(builds.map((build) => [build.id, build]));
  for (const [id, plan] of users.promised) {
    const build = byId.get(id);
    if (build === undefined) {
      diary.violation(`Build ${id} of ${plan.folder} was promised and is not there.`);
    } else if (planOf(plans, build) !== plan) {
      diary.violation(`Build ${id} was promised for ${plan.folder} and is another.`);
    }
  }
  for (const build of builds) {
    const plan = planOf(plans, build);
    const isExplained = users.promised.has(build.id) || (plan !== undefined && users.unanswered.has(plan));
    if (!isExplained) {
      diary.violation(
        `Build ${build.id} (${plan?.folder}) is there although nobody's request went unanswered.`,
      );
    }
  }
}

class BuildCheck {
  readonly #world: World;
  readonly #build: Build;
  readonly #plan: Plan;
  readonly #facts: StoreFacts;
  readonly #diary: Diary;

  constructor(world: World, build: Build, plan: Plan, facts: StoreFacts, diary: Diary) {
    this.#world = world;
    this.#build = build;
    this.#plan = plan;
    this.#facts = facts;
    this.#diary = diary;
  }

  async check(): Promise<{ atoms: number; lost: number }> {
    const { id, state, result, error_message: error } = this.#build;
    const { outcome } = this.#plan;
    if (result === null) {
      const why = await this.#world.observer.explainBuild(id);
      this.#wrong(`hangs in ${state}: ${JSON.stringify(why)}`);
      return { atoms: 0, lost: 0 };
    }
    if (state === 'ERROR' && this.#facts.losses(id, null) >= 3) {
      return { atoms: 0, lost: 0 };
    }
    switch (outcome.kind) {
      case 'error':
        this.#require(state === 'ERROR', `is ${state} instead of ERROR`);
        this.#require(error?.includes(outcome.says) === true, `gives as its reason ${JSON.stringify(error)}`);
        break;
      case 'canceled':
        this.#require(state === 'CANCELED', `is ${state} instead of CANCELED (${error})`);
        break;
      case 'finished':
        this.#require(state === 'FINISHED', `is ${state} instead of FINISHED (${error})`);
        if (state === 'FINISHED') {
          return this.#checkAtoms(outcome.atoms);
        }
    }
    this.#require(result === 'FAILURE', `is ${result} instead of FAILURE`);
    await checkArchive(
      this.#world,
      this.#build,
      await allAtoms(this.#world.observer, id),
      null,
      this.#facts,
      this.#diary,
    );
    return { atoms: 0, lost: 0 };
  }

  async #checkAtoms(expected: readonly ExpectedAtom[]): Promise<{ atoms: number; lost: number }> {
    const { id, result, num_atoms, num_atoms_done, num_atoms_failed, failed_atoms } = this.#build;
    const atoms = await allAtoms(this.#world.observer, id);
    this.#require(
      atoms.length === expected.length,
      `has ${atoms.length} atoms instead of ${expected.length}`,
    );
    this.#require(num_atoms === expected.length, `says that it has ${num_atoms} atoms of ${expected.length}`);
    this.#require(
      num_atoms_done === expected.length,
      `counts ${num_atoms_done} of ${expected.length} atoms done`,
    );
    atoms.forEach((atom, index) => {
      this.#checkAtom(atom, expected[index]);
    });
    const failed = atoms.filter((atom) => atom.error !== null || atom.exit_code !== 0).map((atom) => atom.id);
    this.#require(
      num_atoms_failed === failed.length,
      `counts ${num_atoms_failed} failed atoms of ${failed.length}`,
    );
    const shown = (failed_atoms ?? []).map((atom) => atom.id).sort((a, b) => a - b);
    this.#require(`${shown}` === `${failed}`, `shows as failed ${shown} instead of ${failed}`);
    const right = failed.length === 0 ? 'SUCCESS' : 'FAILURE';
    this.#require(result === right, `is ${result} instead of ${right}`);
    await checkArchive(this.#world, this.#build, atoms, expected, this.#facts, this.#diary);
    return { atoms: atoms.length, lost: atoms.filter(({ error }) => error !== null).length };
  }

  #checkAtom(atom: Atom, expected: ExpectedAtom | undefined): void {
    const { id, state, error, exit_code, subjob_id } = atom;
    this.#require(state === 'COMPLETED', `has atom ${id} in state ${state}`);
    if (error !== null) {
      const losses = this.#facts.losses(this.#build.id, subjob_id);
      this.#require(
        losses >= 3,
        `lost atom ${id} although only ${losses} slaves were lost with it: ${error}`,
      );
      this.#require(exit_code === null, `lost atom ${id} and gives it the exit code ${exit_code}`);
    } else {
      this.#require(
        exit_code === expected?.exitCode && exit_code !== null,
        `gives atom ${id} (${expected?.value}) the exit code ${exit_code} instead of ${expected?.exitCode}`,
      );
    }
  }

  #require(isTrue: boolean, otherwise: string): void {
    if (!isTrue) {
      this.#wrong(otherwise);
    }
  }

  #wrong(what: string): void {
    this.#diary.violation(
      `Build ${this.#build.id} (${this.#plan.folder}, ${this.#plan.outcome.kind}) ${what}.`,
    );
  }
}
