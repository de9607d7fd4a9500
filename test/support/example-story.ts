import { expect } from 'chai';
import { type Example, prettyJson, type ResponseBlock } from './api-page.js';
import type { ExampleMaster, Real } from './example-master.js';
import { subjobArchive } from './subjob-archive.js';
import { until } from './until.js';

/** Only names and labels of metrics are compared, not their values. */
const METRIC = /^(\w+(?:\{.*\})?) \S+$/;
const TAG = /"[0-9a-f]{20}"/;

/** Sends the examples of the page in the order of the story, and keeps the real response to each. */
export class Story {
  readonly #master: ExampleMaster;
  readonly #examples: ReadonlyMap<string, Example>;
  /** The example in the page, and the real response. */
  readonly responses = new Map<Example, Real>();

  constructor(master: ExampleMaster, examples: readonly Example[]) {
    this.#master = master;
    this.#examples = new Map(examples.map((example) => [example.key, example]));
  }

  isShown(key: string): boolean {
    return this.responses.has(this.#of(key));
  }

  async show(...keys: string[]): Promise<void> {
    for (const key of keys) {
      const example = this.#of(key);
      const real = await this.#send(example);
      expect(real.status, `${key}: ${real.text}`).to.equal(example.response?.status);
      this.responses.set(example, real);
    }
  }

  /** Continues the story with a step that the page does not show: an example with another body or path. */
  async vary(key: string, changes: object, target?: string): Promise<void> {
    const example = this.#of(key);
    const body = JSON.stringify({ ...parsed(example.body ?? '{}'), ...changes });
    const real = await this.#send({ ...example, body }, target);
    expect(real.status, `${key} ${body}: ${real.text}`).to.be.within(200, 299);
  }

  /** Waits until a response is as it should be: something in the master is done in the background. */
  async until(target: string, isRight: (response: object) => boolean): Promise<void> {
    const example: Example = {
      key: '',
      route: '',
      method: 'GET',
      target,
      headers: {},
      body: null,
      response: null,
    };
    await until(async () => isRight(parsed((await this.#master.send(example)).text)));
  }

  /** Polls for work like the first example. */
  work(poll: number, leases: readonly object[] = [], builds: readonly number[] = [1]): Promise<void> {
    return this.vary('POST /v1/slave/:slaveId/work#1', { poll, leases, builds });
  }

  /** Delivers a result like the example, and shows it for the first subjob. */
  async deliver(key: string, console: string, changes: object = {}, subjob = 0): Promise<void> {
    const example = this.#of(key);
    const archive = await subjobArchive({
      [`artifact_${subjob}_${subjob}/clusterrunner_console_output`]: console,
      [`artifact_${subjob}_${subjob}/clusterrunner_exit_code`]: `${subjob}\n`,
    });
    const lines = console.split('\n').length - 1;
    const index = {
      // The length depends on this machine's zlib.
      members: [archive.length],
      consoles: [{ atom_id: subjob, offset: 512, bytes: Buffer.byteLength(console), lines, marks: [] }],
    };
    const report = { ...parsed(example.body ?? '{}'), ...changes };
    if (subjob === 0) {
      expect(report).to.have.nested.property('index.consoles').that.deep.equals(index.consoles);
    }
    const head = Buffer.from(JSON.stringify({ ...report, index }));
    const target = example.target
      .replace('subjob/0', `subjob/${subjob}`)
      .replace(/report_bytes=\d+/, `report_bytes=${head.length}`);
    const real = await this.#send(example, target, Buffer.concat([head, archive]));
    expect(real.status, real.text).to.equal(200);
    if (subjob === 0) {
      this.responses.set(example, real);
    }
  }

  async #send(example: Example, target?: string, body?: Buffer): Promise<Real> {
    this.#master.clock.advance(1000);
    const known = example.headers['if-none-match'];
    if (known === undefined) {
      return this.#master.send(example, target, body);
    }
    // The page may have any tag, as long as request and response have the same.
    const { headers } = await this.#master.send({ ...example, target: '/v1/build/1', headers: {} });
    const tag = headers.get('etag') ?? '';
    expect(tag).to.match(TAG);
    const real = await this.#master.send({ ...example, headers: { 'if-none-match': tag } }, target, body);
    const shown = new Headers(real.headers);
    shown.set('etag', real.headers.get('etag') === tag ? known : 'another');
    return { ...real, headers: shown };
  }

  #of(key: string): Example {
    const example = this.#examples.get(key);
    if (example === undefined) {
      throw new Error(`docs/api.md has no example ${key}.`);
    }
    return example;
  }
}

/** The text that the page should show for a response; null when it does. */
export function correctionOf(shown: ResponseBlock, real: Real): string | null {
  switch (shown.form) {
    case 'http': {
      const names = shown.text
        .trimEnd()
        .split('\n')
        .map((line) => line.slice(0, line.indexOf(':')));
      const fresh = names.map((name) => `${name}: ${real.headers.get(name)}\n`).join('');
      return fresh === shown.text ? null : fresh;
    }
    case 'text':
      return textCorrection(shown, real);
    case 'json': {
      const value: unknown = JSON.parse(real.text);
      const isRight = shown.isExcerpt
        ? contains(value, JSON.parse(shown.text))
        : JSON.stringify(parsed(shown.text)) === JSON.stringify(value);
      return isRight ? null : `${prettyJson(value)}\n`;
    }
  }
}

function textCorrection({ text }: ResponseBlock, real: Real): string | null {
  if (real.headers.get('content-type')?.startsWith('text/event-stream') === true) {
    return real.text === text ? null : real.text;
  }
  const names = new Set(real.text.split('\n').map((line) => METRIC.exec(line)?.[1] ?? line));
  const isRight = text
    .trimEnd()
    .split('\n')
    .every((line) => names.has(METRIC.exec(line)?.[1] ?? line));
  return isRight ? null : real.text;
}

/** Whether `whole` has everything that `part` has. */
function contains(whole: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null || typeof whole !== 'object' || whole === null) {
    return whole === part;
  }
  const fields = new Map(Object.entries(whole));
  return Object.entries(part).every(([key, value]) => contains(fields.get(key), value));
}

function parsed(text: string): object {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) {
    throw new Error(`${text} is not a JSON object.`);
  }
  return value;
}
