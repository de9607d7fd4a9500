import { readFileSync } from 'node:fs';
import { readReport } from '../../src/junit/read-report.js';

/** The content of the JUnit reports of a run. */
export interface ReportedRun {
  /** The verdict of each test case: `passed`, `failure`, `error` or `skipped`. */
  readonly verdicts: ReadonlyMap<string, string>;
  /** From the begin of the first report to the end of the last; NaN without times in the reports. */
  readonly seconds: number;
}

/** Reads the reports of one run. @throws Error for a file that is no report, and for a test case that is reported twice */
export function reportedRun(files: readonly string[]): ReportedRun {
  const verdicts = new Map<string, string>();
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const file of files) {
    let current = '';
    const outcome = readReport(file, {
      open: (name, attributes) => {
        if (name === 'testcase') {
          current = `${attributes.classname}::${attributes.name}`;
          if (verdicts.has(current)) {
            throw new Error(`${file} reports ${current} a second time.`);
          }
          verdicts.set(current, 'passed');
        } else if (name === 'failure' || name === 'error' || name === 'skipped') {
          verdicts.set(current, name);
        }
      },
      text: () => undefined,
      close: () => undefined,
    });
    if (outcome.kind !== 'report') {
      throw new Error(`${file} is no JUnit report.`);
    }
    const [begin, end] = timesOf(readFileSync(file, 'utf8'));
    first = Math.min(first, begin);
    last = Math.max(last, end);
  }
  return { verdicts, seconds: last - first };
}

/** In seconds, of a report with one suite. */
function timesOf(report: string): readonly [begin: number, end: number] {
  const suite = /<testsuite\b[^>]*>/.exec(report)?.[0] ?? '';
  const begin = Date.parse(/ timestamp="([^"]*)"/.exec(suite)?.[1] ?? '') / 1000;
  return [begin, begin + Number(/ time="([^"]*)"/.exec(suite)?.[1])];
}
