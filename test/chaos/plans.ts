import type { BuildRequest } from '../../src/protocol/build/build.js';
import type { Random } from './random.js';

/** The required outcome of one atom, whatever happens around it. */
export interface ExpectedAtom {
  readonly value: string;
  /** null: unknowable, since it kills every slave that runs it. */
  readonly exitCode: number | null;
  /** The required console; null for an atom of a batch, of which only the verdict is required. */
  readonly console: string | null;
  /** Bytes of the file that it writes beside its proof; null: none. */
  readonly bigBytes: number | null;
}

export type Outcome =
  | { readonly kind: 'finished'; readonly atoms: readonly ExpectedAtom[]; readonly hasSetup: boolean }
  /** It must end with an error that contains this. */
  | { readonly kind: 'error'; readonly says: string }
  /** Some of its atoms never end; it is canceled so many milliseconds after it was created. */
  | { readonly kind: 'canceled'; readonly afterMs: number };

/** A build with a known result. A project folder belongs to one plan, so it identifies the plan of a build. */
export interface Plan {
  readonly folder: string;
  readonly type: 'directory' | 'git';
  readonly yaml: string;
  readonly request: Pick<BuildRequest, 'atoms_override' | 'config' | 'speculative'>;
  readonly outcome: Outcome;
}

const JOB = 'Chaos';

/** Draws the next build. `folder` must be new; `isHostile`: some atoms misbehave. */
export function drawPlan(random: Random, folder: string, isHostile: boolean): Plan {
  const type = random.chance(0.4) ? 'git' : 'directory';
  const dice = random.next();
  const base = { folder, type, request: {} } as const;
  if (dice < 0.06) {
    return { ...base, yaml: yamlOf(['true'], {}), outcome: { kind: 'finished', atoms: [], hasSetup: false } };
  }
  if (dice < 0.12) {
    const yaml = yamlOf(['echo one; echo two'], { setup: 'echo the setup is broken; exit 7' });
    return { ...base, yaml, outcome: { kind: 'error', says: 'the setup is broken' } };
  }
  if (dice < 0.18) {
    const yaml = yamlOf(['echo the atomizer is broken; exit 3'], {});
    return { ...base, yaml, outcome: { kind: 'error', says: 'the atomizer is broken' } };
  }
  const atoms = drawAtoms(random, isHostile);
  if (dice < 0.32) {
    const short = drawAtoms(random, isHostile).map(({ value }) => value);
    const yaml = yamlOf([listing(short), 'echo long:600:1; echo long:600:2'], { setup: 'true' });
    return { ...base, yaml, outcome: { kind: 'canceled', afterMs: random.integer(0, 6000) } };
  }
  const hasSetup = type === 'git' && random.chance(0.6);
  const outcome = { kind: 'finished', atoms, hasSetup } as const;
  const values = atoms.map(({ value }) => value);
  if (dice < 0.45) {
    return { ...base, yaml: yamlOf(['exit 1'], { hasSetup }), request: { atoms_override: values }, outcome };
  }
  if (dice < 0.48) {
    const deadly = { value: 'deadly:0:0', exitCode: null, console: '', bigBytes: null };
    return {
      ...base,
      yaml: yamlOf(['echo deadly:0:0'], {}),
      outcome: { kind: 'finished', atoms: [deadly], hasSetup: false },
    };
  }
  if (dice < 0.54) {
    // The last one can be recognized as late.
    for (const index of [95, 96, 97]) {
      atoms.push({ value: `sleep:0.1:${index}`, exitCode: 0, console: '', bigBytes: null });
    }
    atoms.push({ value: 'straggler:600:98', exitCode: 0, console: '', bigBytes: null });
    const yaml = yamlOf([listing(atoms.map(({ value }) => value))], { hasSetup });
    return { ...base, yaml, request: { speculative: true }, outcome };
  }
  const retries = random.chance(0.3) ? 1 : 0;
  if (retries > 0) {
    atoms.push({ value: 'flaky:5:99', exitCode: 0, console: '', bigBytes: null });
    values.push('flaky:5:99');
  }
  const limit = random.chance(0.25) ? random.integer(1, 3) : null;
  const half = Math.ceil(values.length / 2);
  const atomizers = [values.slice(0, half), values.slice(half)].map(listing);
  // Not even while their slave is suspect may these atoms run twice at once.
  const request = random.chance(0.2) ? { speculative: false } : {};
  return { ...base, yaml: yamlOf(atomizers, { hasSetup, limit, retries }), request, outcome };
}

/** The build request of a plan in the folder `directory`, for git in the repository at `url`. */
export function requestOf(plan: Plan, directory: string, url: string): BuildRequest {
  const where =
    plan.type === 'git'
      ? { type: 'git' as const, url, project_directory: plan.folder }
      : { type: 'directory' as const, project_directory: directory };
  return { ...where, job_name: JOB, ...plan.request };
}

/** Leaves its session, environment and folder; stops itself; truncates its console. */
const HOSTILE = ['daemon', 'stops', 'truncates'] as const;

function drawAtoms(random: Random, isHostile: boolean): ExpectedAtom[] {
  return Array.from({ length: random.integer(1, 14) }, (_, index) => {
    if (isHostile && random.chance(0.3)) {
      const kind = random.pick(HOSTILE);
      const console = kind === 'truncates' ? 'before\nemptied\nafter\n' : '';
      return { value: `${kind}:600:${index}`, exitCode: 0, console, bigBytes: null };
    }
    return drawAtom(random, index);
  });
}

function drawAtom(random: Random, index: number): ExpectedAtom {
  const atom = (kind: string, what: string | number, more: Partial<ExpectedAtom> = {}) => ({
    value: `${kind}:${what}:${index}`,
    exitCode: 0,
    console: '',
    bigBytes: null,
    ...more,
  });
  const dice = random.next();
  if (dice < 0.3) {
    return atom('sleep', (random.integer(0, 20) / 10).toFixed(1));
  }
  if (dice < 0.45) {
    const exitCode = random.integer(1, 100);
    return atom('fail', exitCode, { exitCode });
  }
  if (dice < 0.6) {
    const lines = random.integer(1000, 60_000);
    const console = Array.from({ length: lines }, (_, line) => `${line + 1}\n`).join('');
    return atom('loud', lines, { console });
  }
  if (dice < 0.72) {
    return atom('child', 600);
  }
  if (dice < 0.8) {
    return atom('stubborn', 600);
  }
  if (dice < 0.9) {
    const bigBytes = random.integer(1, 2_000_000);
    return atom('big', bigBytes, { bigBytes });
  }
  return atom('say', `it's "q" $HOME \`id\` * ünï -x`, { console: `it's "q" $HOME \`id\` * ünï -x\n` });
}

/** A shell line that prints the values. */
function listing(values: readonly string[]): string {
  return values.length === 0
    ? 'true'
    : `printf '%s\\n' ${values.map((value) => `'${value.replaceAll("'", "'\\''")}'`).join(' ')}`;
}

interface JobOptions {
  /** For a setup that fails. */
  readonly setup?: string;
  /** Whether its atoms need files of its setup. */
  readonly hasSetup?: boolean;
  readonly limit?: number | null;
  readonly retries?: number;
}

/** JSON is YAML. */
function yamlOf(
  atomizers: readonly string[],
  { setup, hasSetup = false, limit = null, retries = 0 }: JobOptions,
): string {
  const making = 'sleep 0.2; echo "$BUILD_ID" > made-by-setup';
  return JSON.stringify({
    [JOB]: {
      commands: [
        ...(hasSetup ? ['test "$(cat made-by-setup)" = "$BUILD_ID"'] : []),
        'bash "$PROJECT_DIR"/atom.sh',
      ],
      atomizers: atomizers.map((line) => ({ ATOM: line })),
      ...(hasSetup || setup !== undefined ? { setup_build: [setup ?? making] } : {}),
      ...(hasSetup ? { teardown_build: ['rm made-by-setup'] } : {}),
      ...(retries === 0 ? {} : { retries }),
      ...(limit === null ? {} : { max_executors: limit, max_executors_per_slave: 1 }),
    },
  });
}

/** Runs for each atom. Children that it leaves behind must be ended with it. */
export const atomScript = `
kind=\${ATOM%%:*}
what=\${ATOM#*:}
what=\${what%:*}
echo "$ATOM of build $BUILD_ID" > "$ARTIFACT_DIR"/proof
case $kind in
  sleep | long) sleep "$what" ;;
  fail) exit "$what" ;;
  loud) seq 1 "$what" ;;
  child) sleep "$what" & (sleep "$what" &) ;;
  stubborn) bash -c 'trap "" TERM; while true; do sleep 1; done' & ;;
  big) head -c "$what" /dev/zero > "$ARTIFACT_DIR"/big ;;
  daemon) setsid env -i bash -c 'cd / && exec -a "chaos-daemon $0" sleep 600' "$PROJECT_DIR" & sleep 0.3 ;;
  stops) (sleep 0.3; kill -s CONT $$) & kill -s STOP $$ ;;
  truncates) echo before; echo emptied > /dev/stderr; echo after ;;
  deadly) read -r pid _ < "$TMPDIR"/../slaves/slave-1/owner; kill -9 "$pid"; sleep 600 ;;
  flaky) ran="$TMPDIR"/../../flaky-$BUILD_ID; test -e "$ran" || { touch "$ran"; exit "$what"; } ;;
  # Ends only in a second run: while the first still runs, or after its slave is lost.
  straggler) ran="$TMPDIR"/../../straggler-$BUILD_ID; test -e "$ran" || { touch "$ran"; sleep "$what"; } ;;
  say) printf '%s\\n' "$what" ;;
  *) exit 99 ;;
esac
`;
