import { closeSync, constants, openSync, renameSync, writeSync } from 'node:fs';
import { caseCopy } from '../../junit/case-copy.js';
import { type CaseSink, ReportReader } from '../../junit/report-reader.js';
import { xmlTag } from '../../junit/xml-text.js';
import { PathAliases } from '../../lib/text/path-aliases.js';
import { openFileSource, readFileSource } from '../archive/file-source.js';
import type { AtomMatcher } from './atom-matcher.js';
import type { BatchReports } from './read-batch-reports.js';

/** The report of an atom of a batch, in its folder: the test cases that the reports of the batch have of it. */
export const ATOM_REPORT = 'batch.xml';
/** Added to the name of a report of a batch, whose test cases are in the reports of its atoms: they count once. */
const DIVIDED = '.batch';
const FLUSH_CHARS = 32 * 1024;

/**
 * Writes the test cases of each atom into a report of its own, and renames those of the batch, so that each test case counts
 * once. `fileOf` returns the path of an atom's report; null for an atom that needs none.
 * @throws Error of the file system
 */
export async function divideReports(
  { reports }: BatchReports,
  matcher: AtomMatcher,
  suiteNames: readonly string[],
  fileOf: (atom: number) => string | null,
): Promise<void> {
  const writers = new Map<number, ReportWriter>();
  const writerOf = (atom: number): ReportWriter | null => {
    const path = fileOf(atom);
    const known = writers.get(atom);
    if (path === null || known !== undefined) {
      return known ?? null;
    }
    const writer = new ReportWriter(path, suiteNames[atom] ?? '');
    writers.set(atom, writer);
    return writer;
  };
  for (const { path, suites } of reports) {
    const source = suites === 0 ? null : openFileSource(path);
    if (source !== null) {
      const reader = new ReportReader(new Divider(matcher, suites === 1, writerOf));
      for await (const chunk of readFileSource(source, () => undefined)) {
        reader.push(chunk);
      }
      reader.end();
    }
    renameSync(path, `${path}${DIVIDED}`);
  }
  for (const writer of writers.values()) {
    writer.end();
  }
}

/** Passes each test case to the report of the atom that it certainly belongs to. */
class Divider implements CaseSink {
  readonly #matcher: AtomMatcher;
  readonly #isOnlySuite: boolean;
  readonly #writerOf: (atom: number) => ReportWriter | null;
  #copy: CaseSink | null = null;

  constructor(matcher: AtomMatcher, isOnlySuite: boolean, writerOf: (atom: number) => ReportWriter | null) {
    this.#matcher = matcher;
    this.#isOnlySuite = isOnlySuite;
    this.#writerOf = writerOf;
  }

  open(...[name, attributes, suites]: Parameters<CaseSink['open']>): void {
    if (name === 'testcase') {
      const [owner, other] = this.#matcher.owners(attributes, suites);
      const writer = owner === undefined || other !== undefined ? null : this.#writerOf(owner);
      this.#copy =
        writer === null ? null : caseCopy((xml) => writer.write(xml), this.#isOnlySuite, new PathAliases([]));
    }
    this.#copy?.open(name, attributes, suites);
  }

  text(text: string): void {
    this.#copy?.text(text);
  }

  close(name: string): void {
    this.#copy?.close(name);
  }
}

/** Holds no file open between two pieces: a batch may have many atoms. */
class ReportWriter {
  readonly #path: string;
  #xml: string;

  constructor(path: string, suite: string) {
    this.#path = path;
    this.#xml = `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${xmlTag('testsuite', { name: suite })}>\n`;
  }

  write(xml: string): void {
    this.#xml += xml;
    if (this.#xml.length > FLUSH_CHARS) {
      this.#flush();
    }
  }

  end(): void {
    this.#xml += '</testsuite>\n</testsuites>\n';
    this.#flush();
  }

  #flush(): void {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const fd = openSync(this.#path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      writeSync(fd, this.#xml);
      this.#xml = '';
    } finally {
      closeSync(fd);
    }
  }
}
