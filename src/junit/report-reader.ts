import type { TextDecoder } from 'node:util';
import sax from 'sax';
import type { TestCounts } from '../protocol/result-facts.js';
import { decoderOf } from './encoding.js';

declare module 'sax' {
  /** Characters of a name, value or comment; texts are given in pieces of about this. */
  export let MAX_BUFFER_LENGTH: number;
}

sax.MAX_BUFFER_LENGTH = 1024 * 1024;

/** A larger file is no report that anybody reads. */
export const MAX_REPORT_BYTES = 32 * 1024 ** 2;
const MAX_DEPTH = 200;
const MAX_ATTRIBUTES = 200;
/** Between two looks at how much is held back. */
const PIECE_CHARS = 64 * 1024;

export type ReportOutcome =
  /** Something else. */
  | { readonly kind: 'other' }
  | { readonly kind: 'report'; readonly counts: TestCounts }
  /** It begins as a report, and does not go on as one. */
  | { readonly kind: 'bad'; readonly reason: string };

/** Told of the test cases of a report, each with all that is in it, in the order of the file. */
export interface CaseSink {
  /** `suite` is the name of the innermost suite. */
  open(name: string, attributes: Readonly<Record<string, string>>, suite: string): void;
  text(text: string): void;
  close(name: string): void;
}

type Verdict = 'passed' | 'skipped' | 'failures' | 'errors';
const RANK: readonly Verdict[] = ['passed', 'skipped', 'failures', 'errors'];
const SAYS: Readonly<Record<string, Verdict>> = { error: 'errors', failure: 'failures', skipped: 'skipped' };
/** As GoogleTest says that it did not run a test. */
const NOT_RUN: ReadonlySet<string> = new Set(['notrun', 'skipped', 'suppressed', 'disabled']);

/**
 * Reads a JUnit report in pieces: XML whose root is `testsuites` or `testsuite`, as it comes from Surefire, pytest,
 * GoogleTest, mocha and many others. Test cases are counted, whatever the attributes of suites say. It declares no
 * entities, follows no reference, and holds no more than a name, a value, and the names of what is open.
 */
export class ReportReader {
  readonly #parser = new sax.SAXParser(true, { position: true });
  readonly #sink: CaseSink | null;
  #decoder: TextDecoder | null = null;
  #bytes = 0;
  #sawRoot = false;
  #isOther = false;
  #problem: string | null = null;
  readonly #suites: string[] = [];
  #depth = 0;
  #attributes = 0;
  /** Depth of the test case that is open. */
  #caseDepth: number | null = null;
  #verdict: Verdict = 'passed';
  readonly #counts = { tests: 0, failures: 0, errors: 0, skipped: 0 };

  constructor(sink: CaseSink | null = null) {
    this.#sink = sink;
    const parser = this.#parser;
    parser.onerror = (error) => this.#fail(sentenceOf(error));
    parser.ondoctype = (doctype) => {
      if (doctype.includes('[')) {
        this.#fail('it declares entities');
      }
    };
    parser.onattribute = () => {
      this.#attributes += 1;
      if (this.#attributes > MAX_ATTRIBUTES) {
        this.#fail(`a tag has more than ${MAX_ATTRIBUTES} attributes`);
      }
    };
    parser.onopentag = ({ name, attributes }) => this.#open(name, plain(attributes));
    parser.onclosetag = (name) => this.#close(name);
    parser.ontext = (text) => this.#text(text);
    parser.oncdata = (text) => this.#text(text);
  }

  /** Nothing that comes can change the outcome. */
  get isOver(): boolean {
    return this.#isOther || this.#problem !== null;
  }

  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_REPORT_BYTES) {
      this.#fail(`it is larger than ${MAX_REPORT_BYTES / 1024 ** 2} MiB`);
    }
    if (!this.isOver) {
      this.#decoder ??= decoderOf(chunk);
      this.#parse(this.#decoder.decode(chunk, { stream: true }));
    }
  }

  end(): ReportOutcome {
    if (!this.isOver && this.#decoder !== null) {
      this.#parse(this.#decoder.decode());
    }
    if (!this.isOver) {
      this.#parser.close();
    }
    if (this.#isOther || !this.#sawRoot) {
      return { kind: 'other' };
    }
    return this.#problem === null
      ? { kind: 'report', counts: this.#counts }
      : { kind: 'bad', reason: this.#problem };
  }

  #parse(text: string): void {
    for (let at = 0; at < text.length && !this.isOver; at += PIECE_CHARS) {
      this.#parser.write(text.slice(at, at + PIECE_CHARS));
    }
  }

  /** The first problem counts. The parser goes on within the piece that it has; nothing comes of that. */
  #fail(problem: string): void {
    this.#problem ??= this.#sawRoot ? `line ${this.#parser.line + 1}: ${problem}` : problem;
  }

  #open(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#attributes = 0;
    this.#depth += 1;
    if (!this.#sawRoot && !this.isOver) {
      this.#sawRoot = true;
      this.#isOther = name !== 'testsuites' && name !== 'testsuite';
    } else if (this.#depth === 1) {
      this.#fail('something follows the end of the report');
    }
    if (this.isOver) {
      return;
    }
    if (this.#depth > MAX_DEPTH) {
      this.#fail(`tags stand more than ${MAX_DEPTH} deep in one another`);
    } else if (this.#caseDepth !== null) {
      this.#raise(SAYS[name] ?? 'passed');
      this.#sink?.open(name, attributes, '');
    } else if (name === 'testcase') {
      this.#caseDepth = this.#depth;
      this.#verdict = isNotRun(attributes) ? 'skipped' : 'passed';
      this.#sink?.open(name, attributes, this.#suites.findLast((suite) => suite !== '') ?? '');
    } else if (name === 'testsuite') {
      this.#suites.push(attributes.name ?? '');
    }
  }

  #close(name: string): void {
    const isCase = this.#depth === this.#caseDepth;
    this.#depth -= 1;
    if (this.isOver) {
      return;
    }
    if (this.#caseDepth !== null) {
      this.#sink?.close(name);
    } else if (name === 'testsuite') {
      this.#suites.pop();
    }
    if (isCase) {
      this.#caseDepth = null;
      this.#counts.tests += 1;
      if (this.#verdict !== 'passed') {
        this.#counts[this.#verdict] += 1;
      }
    }
  }

  #text(text: string): void {
    if (this.#caseDepth !== null && !this.isOver) {
      this.#sink?.text(text);
    }
  }

  #raise(verdict: Verdict): void {
    if (this.#depth - 1 === this.#caseDepth && RANK.indexOf(verdict) > RANK.indexOf(this.#verdict)) {
      this.#verdict = verdict;
    }
  }
}

function isNotRun({ status, result }: Readonly<Record<string, string>>): boolean {
  return [status, result].some((word) => word !== undefined && NOT_RUN.has(word.toLowerCase()));
}

/** What the parser gives without namespaces. */
function plain(attributes: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, String(value)]));
}

/** The parser adds line and column on lines of their own. */
function sentenceOf(error: Error): string {
  return (error.message.split('\n')[0] ?? '').replace(/\.$/, '');
}
