import type { ExpectedAtom, Plan } from './plans.js';
import type { Random } from './random.js';

/** Exit codes of atoms that a batch may give a verdict, and of those that it must leave undecided. */
const EXIT_CODES = { pass: 0, fail: 1, unnamed: 0, broken: 1, cut: 0, die: 137, liar: 7 } as const;
/** The tool says truthfully whether a test has failed; its reports may be missing or cut. */
const TRUTHFUL = ['pass', 'pass', 'pass', 'fail', 'unnamed', 'broken', 'cut', 'die'] as const;
/** The tool says in no report why it exits with 7. */
const LYING = ['pass', 'pass', 'pass', 'unnamed', 'liar', 'die'] as const;

/** Draws a build with batches, whose tool dies, lies or hangs. `folder` must be new. */
export function drawBatchPlan(random: Random, folder: string): Plan {
  const kinds = random.chance(0.3) ? LYING : TRUTHFUL;
  const atoms = Array.from({ length: random.integer(2, 14) }, (_, index): ExpectedAtom => {
    const kind = random.pick(kinds);
    return { value: `${kind}:${index}`, exitCode: EXIT_CODES[kind], console: null, bigBytes: null };
  });
  const hangs = random.chance(0.2);
  const values = [...atoms.map(({ value }) => value), ...(hangs ? ['hang:98', 'hang:99'] : [])];
  // JSON is YAML.
  const yaml = JSON.stringify({
    Chaos: {
      batch: { size: random.integer(2, 10), match: 'file' },
      commands: ['bash "$PROJECT_DIR"/batch.sh'],
      atomizers: [{ ATOM: `printf '%s\\n' ${values.join(' ')}` }],
      ...(random.chance(0.5) ? { max_executors: 1 } : {}),
    },
  });
  return {
    folder,
    type: random.chance(0.4) ? 'git' : 'directory',
    yaml,
    request: {},
    outcome: hangs
      ? { kind: 'canceled', afterMs: random.integer(0, 6000) }
      : { kind: 'finished', atoms, hasSetup: false },
  };
}

/** A test tool that takes all atoms of $ATOMS_FILE. Children that it leaves behind must be ended with it. */
export const batchScript = `
cases=
code=0
end='</testsuite>'
sleep 600 &
while IFS= read -r atom; do
  inner=
  case $atom in
    pass:*) ;;
    fail:*) inner='<failure message="it failed"/>'; code=1 ;;
    unnamed:*) continue ;;
    broken:*) code=1; continue ;;
    cut:*) end= ;;
    liar:*) code=7 ;;
    die:*) kill -9 $$ ;;
    hang:*) wait ;;
    *) exit 99 ;;
  esac
  cases="$cases<testcase name='works' file='$atom'>$inner</testcase>"
done < "$ATOMS_FILE"
echo "<testsuite>$cases$end" > "$ARTIFACT_DIR"/report.xml
exit $code
`;
