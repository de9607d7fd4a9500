import { unreadReport } from '../../junit/merged-report.js';
import { type ReportOutcome, ReportReader } from '../../junit/report-reader.js';
import { addCounts, type ResultFacts, type TestCounts } from '../../protocol/results/result-facts.js';

/** Further notes are only counted. */
const MAX_NAMED = 1000;

/** Collects notes about an atom's results: what is left out, and the counts of its JUnit reports. */
export class AtomNotes {
  readonly #lines: string[] = [];
  #unnamed = 0;
  #leftOut = 0;
  #badReports = 0;
  readonly #reported: TestCounts | null;
  #tests: TestCounts | null = null;

  /** `reported` counts are used when there is no JUnit report. */
  constructor(reported: TestCounts | null) {
    this.#reported = reported;
  }

  /** `name`: of a file or folder within the atom's folder. `count`: how many files it stands for. */
  leaveOut(name: string, reason: string, count = 1): void {
    this.#leftOut += count;
    this.#say(`left out: ${JSON.stringify(name)}: ${reason}`);
  }

  cut(name: string, bytes: number, reason: string): void {
    this.#leftOut += 1;
    this.#say(`cut: ${JSON.stringify(name)}: ${bytes} bytes in it are left out, ${reason}`);
  }

  /** A file whose whole content is in memory. */
  read(name: string, content: Buffer): void {
    if (couldBeReport(name)) {
      const reader = new ReportReader();
      reader.push(content);
      this.#take(name, reader.end());
    }
  }

  /** Passes a file through, and reads it on the way if it may be a JUnit report. */
  async *reading(name: string, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    if (!couldBeReport(name)) {
      yield* content;
      return;
    }
    const reader = new ReportReader();
    for await (const chunk of content) {
      reader.push(chunk);
      yield chunk;
    }
    this.#take(name, reader.end());
  }

  /** null when there are none. */
  facts(): ResultFacts | null {
    const tests = this.#tests ?? this.#reported;
    return tests === null && this.#badReports === 0 && this.#leftOut === 0
      ? null
      : { tests, num_bad_reports: this.#badReports, num_left_out: this.#leftOut };
  }

  /** The content of NOTES_FILE; empty when it is not needed. */
  text(): string {
    const more = this.#unnamed === 0 ? [] : [`… and ${this.#unnamed} more`];
    return [...this.#lines, ...more].map((line) => `${line}\n`).join('');
  }

  #take(name: string, outcome: ReportOutcome): void {
    if (outcome.kind === 'report') {
      this.#tests = this.#tests === null ? outcome.counts : addCounts(this.#tests, outcome.counts);
    } else if (outcome.kind === 'bad') {
      this.#badReports += 1;
      this.#say(unreadReport(name, outcome.reason));
    }
  }

  #say(line: string): void {
    if (this.#lines.length < MAX_NAMED) {
      this.#lines.push(line);
    } else {
      this.#unnamed += 1;
    }
  }
}

function couldBeReport(name: string): boolean {
  return /\.xml$/i.test(name);
}
