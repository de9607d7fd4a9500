import { type Static, Type } from '@sinclair/typebox';
import { Nullable } from '../shapes.js';
import { NOTES_FILE } from './archive-names.js';

/*
 * What a slave says of the results of an atom beside its verdict, which none of it ever changes.
 */

/** What one slave says of one atom: sums over a million atoms are exact numbers still. */
const MOST = 1_000_000_000;

/** Each test case counts once: as an error, else a failure, else skipped, else passed. */
const countsUpTo = (most: number) =>
  Type.Object(
    {
      tests: count(most, 'Test cases, whatever became of them.'),
      failures: count(most, 'Those that found something wrong.'),
      errors: count(most, 'Those that broke.'),
      skipped: count(most, 'Those that were not run.'),
    },
    { additionalProperties: false },
  );

const factsUpTo = (most: number) => ({
  tests: Nullable(countsUpTo(most)),
  num_bad_reports: count(most, `Reports of tests that could not be read; \`${NOTES_FILE}\` names them.`),
  num_left_out: count(
    most,
    `Files, and consoles, that are not whole in the results; \`${NOTES_FILE}\` beside them says why.`,
  ),
});

function count(most: number, description: string) {
  return Type.Integer({ minimum: 0, maximum: most, description });
}

/** In what the API shows of atoms and builds. */
export const resultFacts = factsUpTo(Number.MAX_SAFE_INTEGER);
export const ResultFactsSchema = Type.Object(resultFacts, { additionalProperties: false });
export type ResultFacts = Static<typeof ResultFactsSchema>;
export type TestCounts = NonNullable<ResultFacts['tests']>;

/** Of one atom, as its slave reports them. */
export const ReportedFactsSchema = Type.Object(factsUpTo(MOST), { additionalProperties: false });

/** Of most atoms there is nothing to say. */
export const noFacts: ResultFacts = { tests: null, num_bad_reports: 0, num_left_out: 0 };

export function addCounts(a: TestCounts, b: TestCounts): TestCounts {
  return {
    tests: a.tests + b.tests,
    failures: a.failures + b.failures,
    errors: a.errors + b.errors,
    skipped: a.skipped + b.skipped,
  };
}

/** Of several atoms. */
export function addFacts(a: ResultFacts, b: ResultFacts): ResultFacts {
  return {
    tests: a.tests === null || b.tests === null ? (a.tests ?? b.tests) : addCounts(a.tests, b.tests),
    num_bad_reports: a.num_bad_reports + b.num_bad_reports,
    num_left_out: a.num_left_out + b.num_left_out,
  };
}
