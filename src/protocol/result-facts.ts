import { type Static, Type } from '@sinclair/typebox';
import { Nullable } from './shapes.js';

/*
 * What a slave says of the results of an atom beside its verdict, which none of it ever changes.
 */

const count = (description: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description });

/** Each test case counts once: as an error, else a failure, else skipped, else passed. */
export const TestCountsSchema = Type.Object(
  {
    tests: count('Test cases, whatever became of them.'),
    failures: count('Those that found something wrong.'),
    errors: count('Those that broke.'),
    skipped: count('Those that were not run.'),
  },
  { additionalProperties: false },
);
export type TestCounts = Static<typeof TestCountsSchema>;

export const resultFacts = {
  tests: Nullable(TestCountsSchema),
  num_bad_reports: count('Reports of tests that could not be read; `clusterrunner_notes` names them.'),
  num_left_out: count(
    'Files, and consoles, that are not whole in the results; `clusterrunner_notes` beside them says why.',
  ),
};

export const ResultFactsSchema = Type.Object(resultFacts, { additionalProperties: false });
export type ResultFacts = Static<typeof ResultFactsSchema>;

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
