import { closeSync, openSync, writeSync } from 'node:fs';
import type { PathAliases } from '../lib/text/path-aliases.js';
import { addCounts, type TestCounts } from '../protocol/results/result-facts.js';
import { caseCopy } from './case-copy.js';
import { readReport } from './read-report.js';
import { xmlTag, xmlText } from './xml-text.js';

/** A test case for an atom itself, where no report shows its outcome. */
export interface OwnCase {
  readonly verdict: 'passed' | 'failure' | 'error' | 'skipped';
  /** The reason of the verdict; empty when it passed. */
  readonly message: string;
  /** The end of what it printed. */
  readonly output: string;
}

export interface ReportFile {
  readonly path: string;
  /** For display. */
  readonly name: string;
}

export interface AtomSuite {
  readonly name: string;
  /** The name of its job. */
  readonly className: string;
  /** Where it ran; null when unknown. */
  readonly hostname: string | null;
  /** null when it did not end. */
  readonly seconds: number | null;
  readonly properties: Readonly<Record<string, string>>;
  /** Files that may be JUnit reports. */
  readonly files: readonly ReportFile[];
  /** Aliases for paths in their texts and attributes. */
  readonly paths: PathAliases;
  /** The test case for the atom itself, if it needs one. @param counts of its reports; null without reports */
  ownCase(counts: TestCounts | null): OwnCase | null;
}

const none: TestCounts = { tests: 0, failures: 0, errors: 0, skipped: 0 };
const FLUSH_CHARS = 256 * 1024;

/**
 * Writes one JUnit report of many atoms: a suite for each with the test cases of its reports, unchanged except for path
 * aliases. Holds a piece of one file in memory, and the attributes of one tag. A report is read twice, so that nothing is
 * copied from an invalid one, which is named in the suite instead. @throws the file system's error
 */
export class MergedReport {
  readonly #name: string;
  readonly #fd: number;
  #text = '';
  #counts = none;
  #seconds = 0;

  constructor(file: string, name: string) {
    this.#name = name;
    this.#fd = openSync(file, 'w', 0o644);
    // Space for the counts, which are written at the end.
    const most = Number.MAX_SAFE_INTEGER;
    const widest = { tests: most, failures: most, errors: most, skipped: most };
    this.#text = `${' '.repeat(Buffer.byteLength(headOf(name, widest, most)))}\n`;
  }

  add(suite: AtomSuite): void {
    const outcomes = suite.files.map((file) => ({ file, outcome: readReport(file.path) }));
    const reports = outcomes.flatMap(({ file, outcome }) =>
      outcome.kind === 'report' ? [{ file, counts: outcome.counts, suites: outcome.suites }] : [],
    );
    const unread = outcomes.flatMap(({ file, outcome }) =>
      outcome.kind === 'bad' ? [unreadReport(file.name, outcome.reason)] : [],
    );
    const read = reports.length === 0 ? null : reports.map(({ counts }) => counts).reduce(addCounts);
    const own = suite.ownCase(read);
    const counts = addCounts(read ?? none, countsOf(own));
    this.#counts = addCounts(this.#counts, counts);
    this.#seconds += suite.seconds ?? 0;
    const hostname = suite.hostname ?? undefined;
    const attributes = { name: suite.name, hostname, ...attributesOf(counts, suite.seconds) };
    this.#write(`${xmlTag('testsuite', attributes)}>\n`);
    this.#properties(suite.properties);
    if (own !== null) {
      this.#ownCase(suite, own);
    }
    for (const { file, suites } of reports) {
      readReport(
        file.path,
        caseCopy((xml) => this.#write(xml), suites === 1, suite.paths),
      );
    }
    if (unread.length > 0) {
      this.#write(`<system-err>${xmlText(unread.join('\n'))}</system-err>\n`);
    }
    this.#write('</testsuite>\n');
  }

  /** Ends the file. */
  close(): void {
    this.#write('</testsuites>\n');
    this.#flush();
    const head = Buffer.from(headOf(this.#name, this.#counts, this.#seconds));
    writeSync(this.#fd, head, 0, head.length, 0);
    closeSync(this.#fd);
  }

  /** Closes the file unfinished. */
  abandon(): void {
    closeSync(this.#fd);
  }

  #properties(properties: Readonly<Record<string, string>>): void {
    const entries = Object.entries(properties);
    if (entries.length > 0) {
      const lines = entries.map(([name, value]) => `${xmlTag('property', { name, value })}/>`);
      this.#write(`<properties>${lines.join('')}</properties>\n`);
    }
  }

  #ownCase({ name, className, seconds }: AtomSuite, { verdict, message, output }: OwnCase): void {
    const time = seconds === null ? undefined : seconds.toFixed(3);
    this.#write(`${xmlTag('testcase', { classname: className, name, time })}>`);
    if (verdict !== 'passed') {
      this.#write(`${xmlTag(verdict, { message })}>${xmlText(output)}</${verdict}>`);
    }
    this.#write('</testcase>\n');
  }

  #write(text: string): void {
    this.#text += text;
    if (this.#text.length > FLUSH_CHARS) {
      this.#flush();
    }
  }

  #flush(): void {
    writeSync(this.#fd, this.#text);
    this.#text = '';
  }
}

/** A line about an unreadable report. */
export function unreadReport(name: string, reason: string): string {
  return `not read as a report of tests: ${JSON.stringify(name)}: ${reason}`;
}

function headOf(name: string, counts: TestCounts, seconds: number): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xmlTag('testsuites', { name, ...attributesOf(counts, seconds) })}>\n`;
}

function attributesOf(
  { tests, failures, errors, skipped }: TestCounts,
  seconds: number | null,
): Record<string, string | undefined> {
  return {
    tests: String(tests),
    failures: String(failures),
    errors: String(errors),
    skipped: String(skipped),
    time: seconds === null ? undefined : seconds.toFixed(3),
  };
}

function countsOf(own: OwnCase | null): TestCounts {
  return own === null
    ? none
    : {
        tests: 1,
        failures: own.verdict === 'failure' ? 1 : 0,
        errors: own.verdict === 'error' ? 1 : 0,
        skipped: own.verdict === 'skipped' ? 1 : 0,
      };
}
