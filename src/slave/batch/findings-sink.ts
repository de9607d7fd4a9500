import type { CaseSink, CaseVerdict } from '../../junit/report-reader.js';
import { timeText } from '../../junit/time-text.js';
import type { AtomMatcher } from './atom-matcher.js';
import type { AtomFindings } from './batch-verdicts.js';

/** The most of the texts of its test cases that the console of an atom gets, in characters. */
const MAX_TEXT_CHARS = 32 * 1024;
/** Seconds; no batch may take longer. */
const MAX_SECONDS = 1_000_000_000;
/** Elements whose text is worth showing, and what they are called. */
const SHOWN: Readonly<Record<string, string>> = {
  failure: 'failed',
  error: 'failed with an error',
  'system-out': 'printed to stdout',
  'system-err': 'printed to stderr',
};

type Tally = { -readonly [K in keyof AtomFindings]: AtomFindings[K] };

interface OpenCase {
  readonly owners: readonly number[];
  readonly title: string;
  readonly seconds: number;
  /** The beginning of what is shown of it. */
  shown: string;
}

/** An element within a test case that is worth showing. */
interface ShownElement {
  readonly what: string;
  readonly message: string;
  text: string;
}

/** Counts the test cases of each atom of a batch, and collects the beginning of what they report. */
export class FindingsSink implements CaseSink {
  readonly atoms: readonly Tally[];
  /** Text for the console of each atom. */
  readonly texts: string[];
  strayFailures = 0;
  readonly #matcher: AtomMatcher;
  #case: OpenCase | null = null;
  #element: ShownElement | null = null;

  constructor(matcher: AtomMatcher, atoms: number) {
    this.#matcher = matcher;
    this.atoms = Array.from({ length: atoms }, () => ({
      passed: 0,
      failed: 0,
      skipped: 0,
      seconds: 0,
      doubtful: 0,
    }));
    this.texts = this.atoms.map(() => '');
  }

  open(...[name, attributes, suites]: Parameters<CaseSink['open']>): void {
    if (name === 'testcase') {
      const owners = this.#matcher.owners(attributes, suites);
      const title = `${attributes.classname ?? ''} ${attributes.name ?? ''}`.trim().slice(0, 1000);
      this.#case = { owners, title, seconds: secondsOf(attributes.time), shown: '' };
      return;
    }
    const what = SHOWN[name];
    if (what !== undefined) {
      this.#element = { what, message: attributes.message?.trim() ?? '', text: '' };
    }
  }

  text(text: string): void {
    if (this.#element !== null && this.#element.text.length < MAX_TEXT_CHARS) {
      this.#element.text += text;
    }
  }

  close(): void {
    const [open, ended] = [this.#case, this.#element];
    this.#element = null;
    if (open !== null && ended !== null && open.shown.length < MAX_TEXT_CHARS) {
      open.shown += `\n${open.title} ${ended.what}:\n${contentOf(ended)}`;
    }
  }

  judge(verdict: CaseVerdict): void {
    const ended = this.#case;
    this.#case = null;
    if (ended === null) {
      return;
    }
    const { owners, seconds, shown } = ended;
    const [owner, other] = owners;
    const hasFailed = verdict === 'failures' || verdict === 'errors';
    const tally = owner === undefined || other !== undefined ? undefined : this.atoms[owner];
    if (owner === undefined || tally === undefined) {
      this.strayFailures += hasFailed && owner === undefined ? 1 : 0;
      for (const one of owners) {
        const doubtful = this.atoms[one];
        if (doubtful !== undefined && hasFailed) {
          doubtful.doubtful += 1;
        }
      }
      return;
    }
    tally[hasFailed ? 'failed' : verdict === 'skipped' ? 'skipped' : 'passed'] += 1;
    tally.seconds = Math.min(MAX_SECONDS, tally.seconds + seconds);
    this.texts[owner] = `${this.texts[owner] ?? ''}${shown}`.slice(0, MAX_TEXT_CHARS);
  }
}

/** Most tools repeat the message in the text. Ends with a line end. */
function contentOf({ message, text }: ShownElement): string {
  const [first = ''] = message.split('\n');
  const content = text.trim();
  const parts = content.includes(first) ? [content] : [message, content];
  return parts.map((part) => (part === '' ? '' : `${part}\n`)).join('');
}

/** 0 for text that is no duration. */
function secondsOf(time: string | undefined): number {
  const seconds = Number(timeText(time ?? ''));
  return seconds > 0 ? Math.min(seconds, MAX_SECONDS) : 0;
}
