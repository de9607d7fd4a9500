import { logNormal, randomOf } from '../support/random.js';

/** What a fleet is to do. All builds are there from the start. */
export interface Workload {
  /** Executors of each slave. */
  readonly slaves: readonly number[];
  readonly builds: readonly {
    readonly atoms: readonly { readonly expected: number | null; readonly actual: number }[];
  }[];
}

/**
 * One to fifty builds whose atoms are log-normal in their length, with a long tail, on one to thirty slaves. The
 * history of an atom is off by about a fifth, and one atom in fifty is new.
 */
export function workload(seed: number): Workload {
  const random = randomOf(seed);
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const slaves = Array.from({ length: between(1, 30) }, () => between(1, 8));
  const builds = Array.from({ length: between(1, 50) }, () => {
    const median = logNormal(random, 1, 1);
    const atoms = Array.from({ length: Math.ceil(logNormal(random, 80, 1.2)) }, () => {
      const usual = logNormal(random, median, 1);
      const expected = random() < 0.02 ? null : usual;
      return { expected, actual: usual * logNormal(random, 1, 0.2) };
    });
    return { atoms };
  });
  return { slaves, builds };
}
