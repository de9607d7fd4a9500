import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Small sizes, that show only whether the bench works. */
  readonly quick: boolean;
  /** Where the report is written as JSON too; null for nowhere. */
  readonly json: string | null;
  /** How often what is compared is measured, alternating. */
  readonly rounds: number;
}

/**
 * What every bench takes: `--quick`, `--json FILE`, `--rounds N`.
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
