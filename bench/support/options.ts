import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Small sizes, which only show whether the bench works. */
  readonly quick: boolean;
  /** File for the report as JSON; null for none. */
  readonly json: string | null;
  /** Number of alternating measurements. */
  readonly rounds: number;
}

/**
 * The options of every bench: `--quick`, `--json FILE`, `--rounds N`.
 * @throws Error for anything else on the command line
 */
export function benchOptions(rounds: number, quickRounds = 1): BenchOptions {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean' }, json: { type: 'string' }, rounds: { type: 'string' } },
  });
  const quick = values.quick ?? false;
  const given = values.rounds === undefined ? null : Number(values.rounds);
  if (given !== null && !(Number.isSafeInteger(given) && given > 0)) {
    throw new Error(`--rounds must be a whole number above 0, not ${values.rounds}.`);
  }
  return { quick, json: values.json ?? null, rounds: given ?? (quick ? quickRounds : rounds) };
}
