import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import { opensValue, quotesAdvice } from './misread-yaml.js';
import { yamlProblem } from './yaml-problem.js';

const TOO_DEEP = 'the values here stand too deep in one another.';

export interface SourceEntry {
  readonly key: string;
  readonly line: number;
  readonly value: unknown;
  /** The line of the node at `path` below this entry, or of its nearest ancestor that has one. */
  lineOf(path: readonly string[]): number;
  /** The text of a line, from 1. */
  textOf(line: number): string;
}

export function jobInvalid(fileName: string, line: number | null, problem: string): ClusterRunnerError {
  const at = line === null ? fileName : `${fileName}, line ${line}`;
  return new ClusterRunnerError('JOB_INVALID', `${at}: ${problem}`);
}

/**
 * The top-level entries of a YAML file, in its order, with their lines. It takes linear time.
 * @throws ClusterRunnerError JOB_INVALID for invalid YAML, repeated keys, unknown tags, too many aliases, and commands that
 *   YAML reads as something else
 */
export function readYamlEntries(text: string, fileName: string): SourceEntry[] {
  const counter = new LineCounter();
  const lines = text.split('\n');
  const document = parse(text, counter);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    throw notYaml(problem, fileName, counter, lines);
  }
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return [];
  }
  if (!isMap(contents)) {
    throw jobInvalid(
      fileName,
      lineAt(counter, contents),
      'the file must be names of jobs, each with its sections.',
    );
  }
  const found = yamlProblem(document, text);
  if (found !== null) {
    const { line } = counter.linePos(found.offset);
    const advice = found.isMisread ? adviceOn(lines[line - 1] ?? '') : '';
    throw jobInvalid(fileName, line, `${found.problem}${advice}.`);
  }
  const values = valuesOf(document, fileName);
  return contents.items.map((pair) => {
    const line = lineAt(counter, pair.key) ?? 1;
    if (!isScalar(pair.key) || !isWord(pair.key.value)) {
      throw jobInvalid(fileName, line, 'the name of a job must be a word.');
    }
    const key = String(pair.key.value);
    return {
      key,
      line,
      value: values.get(key) ?? null,
      lineOf: (path) => lineAlong(document, counter, pair.value, path) ?? line,
      textOf: (number) => lines[number - 1] ?? '',
    };
  });
}

/** Repeated keys are searched afterwards, since the parser compares each key with all before it. */
function parse(text: string, counter: LineCounter): Document.Parsed {
  return parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    merge: true,
    logLevel: 'error',
    uniqueKeys: false,
  });
}

function notYaml(
  { code, message, pos }: YAMLError,
  fileName: string,
  counter: LineCounter,
  lines: readonly string[],
): ClusterRunnerError {
  const { line } = counter.linePos(pos[0]);
  if (code === 'MULTIPLE_DOCS') {
    return jobInvalid(
      fileName,
      line,
      'a second YAML document begins here; write all jobs in one, without "---" between them.',
    );
  }
  if (code === 'RESOURCE_EXHAUSTION') {
    return jobInvalid(fileName, line, TOO_DEEP);
  }
  const problem = `this is not valid YAML: ${message.replace(/\.?$/, '')}`;
  // An unclosed quote or bracket is noticed at the end only.
  const isLate = code === 'MISSING_CHAR' || code === 'BAD_INDENT';
  const opened = isLate ? lines.slice(0, line).findLastIndex(opensValue) + 1 : 0;
  const at = opened === 0 ? line : opened;
  return jobInvalid(fileName, at, `${problem}${adviceOn(lines[at - 1] ?? '')}.`);
}

function adviceOn(line: string): string {
  const advice = quotesAdvice(line, true);
  return advice === null ? '' : `; ${advice}`;
}

function isWord(value: unknown): boolean {
  return value !== null && typeof value !== 'symbol' && String(value) !== '';
}

function valuesOf(document: Document.Parsed, fileName: string): Map<string, unknown> {
  try {
    // Aliases have been checked before.
    const values: unknown = document.toJS({ maxAliasCount: -1 });
    return new Map(typeof values === 'object' && values !== null ? Object.entries(values) : []);
  } catch (error) {
    throw jobInvalid(fileName, null, `its values cannot be put together: ${messageOf(error)}.`);
  }
}

function lineAlong(
  document: Document.Parsed,
  counter: LineCounter,
  start: ParsedNode | null,
  path: readonly string[],
): number | null {
  let node: unknown = start;
  let line = lineAt(counter, node);
  for (const step of path) {
    const target = isAlias(node) ? node.resolve(document) : node;
    const pair = isMap(target)
      ? target.items.find(({ key }) => isScalar(key) && String(key.value) === step)
      : undefined;
    node = pair?.value ?? (isSeq(target) ? target.items[Number(step)] : undefined);
    const found = lineAt(counter, pair?.key ?? node);
    if (found === null) {
      return line;
    }
    line = found;
  }
  return line;
}

function lineAt(counter: LineCounter, node: unknown): number | null {
  return isNode(node) && node.range ? counter.linePos(node.range[0]).line : null;
}
