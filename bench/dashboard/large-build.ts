import { logNormal, randomOf } from '../../test/support/seeded-random.js';
import type { SimulatedBuild } from '../../test/support/simulation/simulated-atom.js';

const MEDIAN_SECONDS = 2;
const SPREAD = 0.9;
/** One of so many atoms fails. */
const FAILS_ONE_OF = 200;

/** A build of many atoms, with log-normal durations, some failures and short consoles; the same for the same seed. */
export function largeBuild(numAtoms: number, seed = 1): SimulatedBuild {
  const atoms = Array.from({ length: numAtoms }, (_, n) => ({
    variable: 'TEST_FILE',
    value: `$PROJECT_DIR/packages/package_${n % 257}/test/unit/module_${Math.floor(n / 257)}.test.ts`,
  }));
  const config = {
    commands: ['node --test "$TEST_FILE"'],
    atomizers: [{ TEST_FILE: 'find "$PROJECT_DIR"/packages -name "*.test.ts"' }],
    setup_build: ['npm ci'],
  };
  return {
    request: { type: 'directory', project_directory: '/project', job_name: 'UnitTests', config },
    jobName: 'UnitTests',
    atoms,
    preparationSeconds: 8,
    setupSeconds: 20,
    runAtom: ({ id, value }, run) => {
      const random = randomOf(seed * 1_000_003 + id * 11 + run);
      const seconds = Number(logNormal(random, MEDIAN_SECONDS, SPREAD).toFixed(3));
      const fails = random() < 1 / FAILS_ONE_OF;
      const kind = Math.floor(random() * 5);
      const output = fails
        ? `running ${value}\nnot ok ${id} - request ${Math.floor(random() * 1e6)} of kind ${kind}\nError: connect ECONNREFUSED 10.0.${kind}.7:5432\n`
        : `running ${value}\nok ${id}\n`;
      return { seconds, exitCode: fails ? 1 : 0, output };
    },
  };
}
