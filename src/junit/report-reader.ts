import type { TextDecoder } from 'node:util';
import type { TestCounts } from '../protocol/results/result-facts.js';
import { decoderOf, FIRST_BYTES } from './encoding.js';
import { RootSearch } from './root-search.js';
import { type Attributes, XmlParser } from './xml-parser.js';

/** A larger file is not read as a report. */
export const MAX_REPORT_BYTES = 32 * 1024 ** 2;
const MAX_DEPTH = 200;

export type ReportOutcome =
  /** Not a report. */
  | { readonly kind: 'other' }
  /** `suites`: the number of top-level suites. */
  | { readonly kind: 'report'; readonly counts: TestCounts; readonly suites: number }
  /** Apparently a report, but not readable. */
  | { readonly kind: 'bad'; readonly reason: string };

/** The suites around a test case, from the outermost. */
export interface SuitesAround {
  readonly names: readonly string[];
  /** The attribute `file` of the innermost suite that has one. */
  readonly file: string | undefined;
}

/** Receives the test cases of a report with their content, in the order of the file. */
export interface CaseSink {
  open(name: string, attributes: Attributes, suites: SuitesAround): void;
  text(text: string): void;
  close(name: string): void;
  /** Called after `close` of each test case. */
  judge?(verdict: CaseVerdict): void;
}

/** A word of TestCounts, except for `passed`. */
export type CaseVerdict = 'passed' | 'skipped' | 'failures' | 'errors';
const RANK: readonly CaseVerdict[] = ['passed', 'skipped', 'failures', 'errors'];
const SAYS: Readonly<Record<string, CaseVerdict>> = {
  error: 'errors',
  failure: 'failures',
  skipped: 'skipped',
};
const NO_SUITES: SuitesAround = { names: [], file: undefined };
const ELEMENT_OF = { errors: 'error', failures: 'failure', skipped: 'skipped' } as const;
/** Values of the attributes `status` and `result`, as of GoogleTest and CTest. */
const STATUS: Readonly<Record<string, CaseVerdict>> = {
  notrun: 'skipped',
  skipped: 'skipped',
  suppressed: 'skipped',
  disabled: 'skipped',
  fail: 'failures',
  failed: 'failures',
  failure: 'failures',
  error: 'errors',
  errored: 'errors',
};

interface Suite {
  readonly name: string;
  readonly file: string | undefined;
  readonly isRoot: boolean;
  /** The failure that its attributes state; null for none. */
  readonly stated: { readonly verdict: 'errors' | 'failures'; readonly message: string } | null;
  /** Whether a test case in it, at any depth, has failed. */
  isBroken: boolean;
}

interface Case {
  readonly depth: number;
  /** null for an element directly in a suite, without a test case. */
  readonly attributes: Attributes | null;
  verdict: CaseVerdict;
}

/**
 * Reads a JUnit report in pieces: XML with the root `testsuites` or `testsuite`, with any prefix, as written by Surefire,
 * pytest, GoogleTest, mocha and many others. Test cases are counted, whatever the attributes of suites state. An error or
 * failure directly in a suite counts as a test case, and so do errors and failures that only the attributes of a suite
 * state. Entities are not expanded. It holds the attributes of one tag and the names of open elements.
 */
export class ReportReader {
  readonly #parser: XmlParser;
  readonly #sink: CaseSink | null;
  readonly #rootSearch = new RootSearch();
  #decoder: TextDecoder | null = null;
  #beginning: Buffer = Buffer.alloc(0);
  #bytes = 0;
  #root: 'unknown' | 'report' | 'other' = 'unknown';
  /** Namespace prefix of the report's names, with its colon. */
  #prefix = '';
  #isParsed = true;
  #problem: string | null = null;
  readonly #suites: Suite[] = [];
  #topSuites = 0;
  readonly #open: string[] = [];
  #case: Case | null = null;
  readonly #counts = { tests: 0, failures: 0, errors: 0, skipped: 0 };

  constructor(sink: CaseSink | null = null) {
    this.#sink = sink;
    this.#parser = new XmlParser({
      declaresEntities: () => this.#fail('it declares entities, which are not expanded'),
      broken: (problem) => {
        this.#isParsed = false;
        this.#fail(this.#root === 'unknown' ? 'text stands where its first tag belongs' : problem);
      },
      open: (name, attributes) => this.#opened(name, attributes),
      text: (text) => this.#text(text),
      close: () => this.#closed(),
    });
  }

  /** Whether further input cannot change the outcome. */
  get isOver(): boolean {
    return (
      this.#root === 'other' ||
      (this.#problem !== null && (this.#root === 'report' || this.#rootSearch.isFound))
    );
  }

  push(chunk: Buffer): void {
    const room = MAX_REPORT_BYTES - this.#bytes;
    this.#bytes += chunk.length;
    if (!this.isOver && room > 0) {
      this.#decode(chunk.subarray(0, room));
    }
    if (this.#bytes > MAX_REPORT_BYTES) {
      this.#fail(`it is larger than ${MAX_REPORT_BYTES / 1024 ** 2} MiB`);
    }
  }

  end(): ReportOutcome {
    if (!this.isOver) {
      this.#decoder ??= decoderOf(this.#beginning);
      this.#parse(this.#decoder.decode(this.#beginning));
    }
    if (!this.isOver && this.#isParsed) {
      this.#endParsing();
    }
    if (this.#root === 'other' || (this.#root === 'unknown' && !this.#isMeantAsReport())) {
      return { kind: 'other' };
    }
    return this.#problem === null
      ? { kind: 'report', counts: this.#counts, suites: this.#topSuites }
      : { kind: 'bad', reason: this.#problem };
  }

  #decode(chunk: Buffer): void {
    if (this.#decoder === null) {
      this.#beginning = Buffer.concat([this.#beginning, chunk]);
      if (this.#beginning.length >= FIRST_BYTES) {
        this.#decoder = decoderOf(this.#beginning);
        this.#parse(this.#decoder.decode(this.#beginning, { stream: true }));
        this.#beginning = Buffer.alloc(0);
      }
    } else {
      this.#parse(this.#decoder.decode(chunk, { stream: true }));
    }
  }

  #parse(text: string): void {
    if (this.#root === 'unknown') {
      this.#rootSearch.push(text);
    }
    if (this.#isParsed) {
      this.#parser.push(text, () => !this.#isParsed || this.isOver);
    }
  }

  #endParsing(): void {
    if (this.#root === 'unknown' && this.#problem === null) {
      this.#problem = this.#bytes === 0 ? 'it is empty' : 'it ends before its first tag does';
    } else {
      this.#parser.end();
    }
  }

  /** Also an XML file without a root, which may have been meant as a report; but not a file that is no XML. */
  #isMeantAsReport(): boolean {
    return this.#rootSearch.isFound || this.#isParsed;
  }

  /** The first problem counts. */
  #fail(problem: string): void {
    this.#problem ??= this.#bytes === 0 ? problem : `line ${this.#parser.line}: ${problem}`;
  }

  #opened(fullName: string, attributes: Attributes): void {
    if (this.#root === 'unknown') {
      this.#takeRoot(fullName);
    } else if (this.#open.length === 0) {
      this.#fail('something follows the end of the report');
    }
    const name = this.#nameOf(fullName);
    const parent = this.#open.at(-1);
    this.#open.push(name);
    if (this.isOver) {
      return;
    }
    if (this.#open.length > MAX_DEPTH) {
      this.#fail(`tags stand more than ${MAX_DEPTH} deep in one another`);
    } else if (this.#case !== null) {
      if (parent === 'testcase') {
        raise(this.#case, SAYS[name] ?? 'passed');
      }
      this.#sink?.open(name, attributes, NO_SUITES);
    } else if (name === 'testcase') {
      this.#openCase(attributes, attributes);
    } else if (name === 'testsuite' || name === 'testsuites') {
      this.#topSuites += name === 'testsuite' && this.#path().length === 0 ? 1 : 0;
      this.#suites.push(suiteOf(name, attributes));
    } else if (SAYS[name] !== undefined && (parent === 'testsuite' || parent === 'testsuites')) {
      const opened = this.#openCase(null, { name: this.#suites.at(-1)?.name || parent });
      raise(opened, SAYS[name]);
      this.#sink?.open(name, attributes, NO_SUITES);
    }
  }

  #takeRoot(fullName: string): void {
    const [, prefix = '', name] = /^([^:]*:)?(.*)$/s.exec(fullName) ?? [];
    this.#root = name === 'testsuites' || name === 'testsuite' ? 'report' : 'other';
    this.#prefix = prefix;
  }

  #nameOf(fullName: string): string {
    return this.#prefix !== '' && fullName.startsWith(this.#prefix)
      ? fullName.slice(this.#prefix.length)
      : fullName;
  }

  #closed(): void {
    const name = this.#open.pop() ?? '';
    if (this.isOver) {
      return;
    }
    if (this.#case !== null) {
      if (this.#case.depth <= this.#open.length) {
        this.#sink?.close(name);
      } else {
        this.#closeCase(this.#case, name);
      }
    } else if (name === 'testsuite' || name === 'testsuites') {
      this.#closeSuite();
    }
  }

  #openCase(attributes: Attributes | null, shown: Attributes): Case {
    this.#case = { depth: this.#open.length, attributes, verdict: 'passed' };
    this.#sink?.open('testcase', shown, this.#around());
    return this.#case;
  }

  #closeCase(ended: Case, name: string): void {
    this.#case = null;
    if (ended.attributes === null) {
      this.#sink?.close(name);
    } else {
      this.#addStatus(ended, ended.attributes);
    }
    this.#sink?.close('testcase');
    this.#sink?.judge?.(ended.verdict);
    this.#count(ended.verdict);
  }

  /** Adds an element for a failure that only attributes state, since readers of reports look for elements. */
  #addStatus(ended: Case, { status, result }: Attributes): void {
    const words = [status, result].flatMap((word) => (word === undefined ? [] : [word]));
    const verdict = words.map((word) => STATUS[word.toLowerCase()] ?? 'passed').sort(byRank)[0];
    if (ended.verdict === 'passed' && verdict !== undefined && verdict !== 'passed') {
      ended.verdict = verdict;
      this.#element(ELEMENT_OF[verdict], `Its status is ${words.join(', ')}.`);
    }
  }

  #closeSuite(): void {
    const suite = this.#suites.at(-1);
    if (suite?.stated && !suite.isBroken) {
      const { verdict, message } = suite.stated;
      this.#sink?.open('testcase', { name: suite.name || 'testsuite' }, this.#around());
      this.#element(ELEMENT_OF[verdict], message);
      this.#sink?.close('testcase');
      this.#sink?.judge?.(verdict);
      this.#count(verdict);
    }
    this.#suites.pop();
  }

  #element(name: string, message: string): void {
    this.#sink?.open(name, { message }, NO_SUITES);
    this.#sink?.close(name);
  }

  #count(verdict: CaseVerdict): void {
    this.#counts.tests += 1;
    if (verdict !== 'passed') {
      this.#counts[verdict] += 1;
    }
    if (verdict === 'errors' || verdict === 'failures') {
      for (const suite of this.#suites) {
        suite.isBroken = true;
      }
    }
  }

  /** Names of the open suites, without that of the whole report. */
  #path(): string[] {
    return this.#suites.filter(({ isRoot }) => !isRoot).map(({ name }) => name);
  }

  #around(): SuitesAround {
    return { names: this.#path(), file: this.#suites.findLast(({ file }) => file !== undefined)?.file };
  }

  #text(text: string): void {
    if (this.#case !== null && !this.isOver) {
      this.#sink?.text(text);
    }
  }
}

function suiteOf(element: 'testsuite' | 'testsuites', attributes: Attributes): Suite {
  const errors = numberOf(attributes.errors);
  const failures = numberOf(attributes.failures);
  const verdict = errors > 0 ? 'errors' : 'failures';
  const message = `The suite states ${errors} errors and ${failures} failures, and has no test case with one.`;
  return {
    name: attributes.name ?? '',
    file: attributes.file,
    isRoot: element === 'testsuites',
    stated: errors + failures > 0 ? { verdict, message } : null,
    isBroken: false,
  };
}

/** 0 for anything else. */
function numberOf(text: string | undefined): number {
  return /^\s*\d{1,9}\s*$/.test(text ?? '') ? Number(text) : 0;
}

function raise(one: Case, verdict: CaseVerdict): void {
  if (RANK.indexOf(verdict) > RANK.indexOf(one.verdict)) {
    one.verdict = verdict;
  }
}

/** The worst first. */
function byRank(a: CaseVerdict, b: CaseVerdict): number {
  return RANK.indexOf(b) - RANK.indexOf(a);
}
