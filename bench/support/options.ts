import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Small sizes, which only show whether the bench works. */
  readonly quick: boolean;
  /** File for the report as JSON; null for none. */
  readonly json: string | null;
  /** Number of alternating measurements. */
  readonly rounds: number;
  /** The value of a further option of the bench; undefined when it is not given. */
  numberOf(option: string): number | undefined;
}

/**
 * The options of every bench: `--quick`, `--json FILE`, `--rounds N`. `more`: names of further options, which take a number.
 * @throws Error for anything else on the command line
 */
export function benchOptions(rounds: number, quickRounds = 1, more: readonly string[] = []): BenchOptions {
  const numbers = Object.fromEntries(['rounds', ...more].map((name) => [name, { type: 'string' } as const]));
  const { values } = parseArgs({
    options: { ...numbers, quick: { type: 'boolean' }, json: { type: 'string' } },
  });
  const given = new Map<string, unknown>(Object.entries(values));
  const numberOf = (option: string) => {
    const text = given.get(option);
    if (text === undefined) {
      return undefined;
    }
    const number = Number(text);
    if (!(Number.isSafeInteger(number) && number > 0)) {
      throw new Error(`--${option} must be a whole number above 0, not ${text}.`);
    }
    return number;
  };
  const quick = values.quick === true;
  const json = typeof values.json === 'string' ? values.json : null;
  return { quick, json, rounds: numberOf('rounds') ?? (quick ? quickRounds : rounds), numberOf };
}
