import { type Static, Type } from '@sinclair/typebox';
import { Nullable } from '../shapes.js';
import { NOTES_FILE } from './archive-names.js';

/*
 * Facts about the results of an atom that a slave reports besides its verdict. They never change the verdict.
 */

/** Limit for one atom, so that sums over a million atoms are exact. */
const MOST = 1_000_000_000;

/** Each test case counts once: as an error, else a failure, else skipped, else passed. */
const countsUpTo = (most: number) =>
  Type.Object(
    {
      tests: count(most, 'All test cases.'),
      failures: count(most, 'Test cases that failed.'),
      errors: count(most, 'Test cases with an error.'),
      skipped: count(most, 'Test cases that were skipped.'),
    },
    { additionalProperties: false },
  );

const factsUpTo = (most: number) => ({
  tests: Nullable(countsUpTo(most)),
  num_bad_reports: count(most, `Test reports that could not be read; \`${NOTES_FILE}\` lists them.`),
  num_left_out: count(
    most,
    `Files and consoles that are incomplete or missing in the results; \`${NOTES_FILE}\` beside them says why.`,
  ),
});

function count(most: number, description: string) {
  return Type.Integer({ minimum: 0, maximum: most, description });
}

/** Fields of atoms and builds in the API. */
export const resultFacts = factsUpTo(Number.MAX_SAFE_INTEGER);
export const ResultFactsSchema = Type.Object(resultFacts, { additionalProperties: false });
export type ResultFacts = Static<typeof ResultFactsSchema>;
export type TestCounts = NonNullable<ResultFacts['tests']>;

/** The counts of one atom's tests. */
export const TestCountsSchema = countsUpTo(MOST);

/** The facts of one atom, as its slave reports them. */
export const ReportedFactsSchema = Type.Object(factsUpTo(MOST), { additionalProperties: false });

/** The facts of most atoms. */
export const noFacts: ResultFacts = { tests: null, num_bad_reports: 0, num_left_out: 0 };

export function addCounts(a: TestCounts, b: TestCounts): TestCounts {
  return {
    tests: a.tests + b.tests,
    failures: a.failures + b.failures,
    errors: a.errors + b.errors,
    skipped: a.skipped + b.skipped,
  };
}

/** The facts of several atoms together. */
export function addFacts(a: ResultFacts, b: ResultFacts): ResultFacts {
  return {
    tests: a.tests === null || b.tests === null ? (a.tests ?? b.tests) : addCounts(a.tests, b.tests),
    num_bad_reports: a.num_bad_reports + b.num_bad_reports,
    num_left_out: a.num_left_out + b.num_left_out,
  };
}
