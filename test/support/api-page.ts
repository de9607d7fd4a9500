/*
 * The examples of docs/api.md. Below a route's heading, `### METHOD /path`, each example begins with a block
 * `http request` (request line, then headers). Its body follows, `json request` (or `json report`), and its response:
 * `json response 200`, `json response 200 excerpt` (the real one has more), `text response 200`, or `http response 200`
 * (headers only).
 */

export interface ResponseBlock {
  readonly form: 'json' | 'text' | 'http';
  readonly status: number;
  readonly isExcerpt: boolean;
  readonly text: string;
  /** Offset of the text in the page. */
  readonly start: number;
}

export interface Example {
  /** `METHOD /path#n`, n from 1 within the section. */
  readonly key: string;
  /** `METHOD /path` as declared. */
  readonly route: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Text of its JSON; null without a body. */
  readonly body: string | null;
  readonly response: ResponseBlock | null;
}

interface Block {
  readonly info: readonly string[];
  readonly text: string;
  readonly start: number;
}

/** In the order of the page. @throws Error for an example in another form */
export function examplesOf(page: string): Example[] {
  return sectionsOf(page).flatMap(({ heading, start, text }) => {
    const blocks = blocksOf(text, start);
    const heads = blocks.flatMap((block, index) => (block.info.join(' ') === 'http request' ? [index] : []));
    return heads.map((at, n) => exampleOf(heading, n + 1, blocks.slice(at, heads[n + 1] ?? blocks.length)));
  });
}

function exampleOf(route: string, number: number, [head, ...rest]: readonly Block[]): Example {
  const [requestLine = '', ...headerLines] = (head?.text ?? '').trimEnd().split('\n');
  const [method, target, ...more] = requestLine.split(' ');
  if (method === undefined || target === undefined || more.length > 0) {
    throw new Error(`${route}: "${requestLine}" is not a method and a path.`);
  }
  const body = rest.find(({ info }) => info[1] === 'request' || info[1] === 'report');
  const response = rest.find(({ info }) => info[1] === 'response');
  return {
    key: `${route}#${number}`,
    route,
    method,
    target,
    headers: Object.fromEntries(headerLines.map(headerOf)),
    body: body?.text ?? null,
    response: response === undefined ? null : responseOf(response),
  };
}

function responseOf({ info: [form, , status, excerpt], text, start }: Block): ResponseBlock {
  if (form !== 'json' && form !== 'text' && form !== 'http') {
    throw new Error(`A response is json, text or http, not ${form}.`);
  }
  return { form, status: Number(status), isExcerpt: excerpt === 'excerpt', text, start };
}

function headerOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

function sectionsOf(page: string): { heading: string; start: number; text: string }[] {
  const headings = [...page.matchAll(/^#{2,3} (.*)$/gm)];
  return headings
    .map((match, index) => ({
      heading: match[1] ?? '',
      start: match.index,
      text: page.slice(match.index, headings[index + 1]?.index ?? page.length),
    }))
    .filter(({ heading }) => /^(GET|POST|PUT|DELETE) \//.test(heading));
}

function blocksOf(text: string, offset: number): Block[] {
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    info: (match[1] ?? '').split(' '),
    text: match[2] ?? '',
    start: offset + match.index + match[0].indexOf('\n') + 1,
  }));
}

/** The page with the texts of these responses replaced. */
export function withResponses(page: string, texts: ReadonlyMap<ResponseBlock, string>): string {
  const last = [...texts].sort(([a], [b]) => b.start - a.start);
  return last.reduce(
    (text, [{ start, text: old }, fresh]) => text.slice(0, start) + fresh + text.slice(start + old.length),
    page,
  );
}

const WIDTH = 110;

/** JSON as a person writes it: objects that fit on one line stay on one. */
export function prettyJson(value: unknown, indent = ''): string {
  const line = flatJson(value);
  if (indent.length + line.length <= WIDTH - 20 || typeof value !== 'object' || value === null) {
    return line;
  }
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  const rows = isList
    ? value.map((one) => inner + prettyJson(one, inner))
    : Object.entries(value).map(([key, one]) => `${inner}${JSON.stringify(key)}: ${prettyJson(one, inner)}`);
  return `${isList ? '[' : '{'}\n${rows.join(',\n')}\n${indent}${isList ? ']' : '}'}`;
}

function flatJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(flatJson).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const rows = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${flatJson(one)}`);
    return rows.length === 0 ? '{}' : `{ ${rows.join(', ')} }`;
  }
  return JSON.stringify(value);
}
