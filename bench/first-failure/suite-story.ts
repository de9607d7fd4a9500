import type { RunKind } from '../../src/domain/history/atom-runs.js';
import { logNormal, randomOf } from '../../test/support/seeded-random.js';

/** Atoms of one part of the project break together. */
const ATOMS_OF_AREA = 20;
/** The share of builds whose change breaks something. */
const BREAKING = 0.2;
/** The share of those that break a part that the change does not touch, so that no rule names its atoms. */
const ELSEWHERE = 0.3;
/** The chance that a commit repairs everything that is broken. */
const REPAIR = 0.4;
/** The share of atoms that are flaky, and how often these fail at first. */
const FLAKY = 0.02;
const FLAKY_FAILS = 0.1;

export interface AtomOfStory {
  /** Seconds, on average. */
  readonly usual: number;
  readonly area: number;
  readonly isFlaky: boolean;
}

export interface RunOfStory {
  readonly kind: RunKind;
  readonly seconds: number;
}

export interface BuildOfStory {
  /** By atom. */
  readonly runs: readonly RunOfStory[];
  /** The parts of the project that the change since the build before touches. */
  readonly changed: ReadonlySet<number>;
}

/**
 * The builds of a project, one commit after another. Lengths of atoms are log-normal with a long tail. Some parts of the
 * project are changed much more often than others. One change in five breaks up to five atoms of a part, three in ten of
 * these one that it does not touch; two in five changes repair everything. One atom in fifty is flaky, and passes when it is run again.
 */
export function suiteStory(
  seed: number,
  { atoms: count, builds }: { readonly atoms: number; readonly builds: number },
): { readonly atoms: AtomOfStory[]; readonly builds: BuildOfStory[] } {
  const random = randomOf(seed);
  const areas = Math.max(1, Math.floor(count / ATOMS_OF_AREA));
  const atoms = Array.from({ length: count }, (_, n) => ({
    usual: logNormal(random, 2, 1.2),
    area: n % areas,
    isFlaky: random() < FLAKY,
  }));
  const someArea = () => Math.floor(areas * random() ** 2);
  const broken = new Set<number>();
  return {
    atoms,
    builds: Array.from({ length: builds }, () => {
      const changed = new Set([someArea(), ...(random() < 0.5 ? [someArea()] : [])]);
      if (broken.size > 0 && random() < REPAIR) {
        broken.clear();
      }
      if (random() < BREAKING) {
        const [touched = 0] = changed;
        const area = random() < ELSEWHERE ? someArea() : touched;
        const ofArea = atoms.flatMap((atom, n) => (atom.area === area ? [n] : []));
        for (let more = 1 + Math.floor(random() * 5); more > 0; more -= 1) {
          broken.add(ofArea[Math.floor(random() * ofArea.length)] ?? 0);
        }
      }
      const runs = atoms.map(({ usual, isFlaky }, n): RunOfStory => {
        const isUnlucky = isFlaky && random() < FLAKY_FAILS;
        const kind = broken.has(n) ? 'FAILED' : isUnlucky ? 'FLAKY' : 'PASSED';
        return { kind, seconds: usual * logNormal(random, 1, 0.2) };
      });
      return { runs, changed };
    }),
  };
}
