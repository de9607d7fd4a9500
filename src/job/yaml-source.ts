import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';

/** How many times aliases may be followed: enough to share lines between jobs, too few to fill the memory. */
const MAX_ALIASES = 100;

export interface SourceEntry {
  readonly key: string;
  readonly line: number;
  readonly value: unknown;
  /** The line of what `path` leads to below this entry; of the nearest thing above when that has no place. */
  lineOf(path: readonly string[]): number;
}

export function jobInvalid(fileName: string, line: number | null, problem: string): ClusterRunnerError {
  const at = line === null ? fileName : `${fileName}, line ${line}`;
  return new ClusterRunnerError('JOB_INVALID', `${at}: ${problem}`);
}

/**
 * The entries at the top of a YAML file, in its order, each with the way back to its lines.
 * @throws ClusterRunnerError JOB_INVALID for broken YAML, keys given twice, unknown tags, too many aliases
 */
export function readYamlEntries(text: string, fileName: string): SourceEntry[] {
  const counter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    merge: true,
    logLevel: 'error',
  });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const { line } = counter.linePos(problem.pos[0]);
    throw jobInvalid(fileName, line, `this is not valid YAML: ${problem.message.replace(/\.?$/, '.')}`);
  }
  const lineOfNode = (node: unknown) => lineAt(counter, node);
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return [];
  }
  if (!isMap(contents)) {
    throw jobInvalid(
      fileName,
      lineOfNode(contents),
      'the file must be names of jobs, each with its sections.',
    );
  }
  return contents.items.map((pair) => {
    const line = lineOfNode(pair.key) ?? 1;
    if (!isScalar(pair.key) || pair.key.value === null || String(pair.key.value) === '') {
      throw jobInvalid(fileName, line, 'the name of a job must be a word.');
    }
    const node = pair.value;
    return {
      key: String(pair.key.value),
      line,
      value: toValue(document, node, fileName, line),
      lineOf: (path) => lineAlong(document, counter, node, path) ?? line,
    };
  });
}

function toValue(document: Document.Parsed, node: unknown, fileName: string, line: number): unknown {
  if (!isNode(node)) {
    return null;
  }
  try {
    return node.toJS(document, { maxAliasCount: MAX_ALIASES });
  } catch (error) {
    // What the library throws for aliases that it will not follow.
    if (error instanceof ReferenceError || error instanceof TypeError) {
      throw jobInvalid(fileName, line, `the aliases here cannot be followed: ${messageOf(error)}.`);
    }
    throw error;
  }
}

function lineAlong(
  document: Document.Parsed,
  counter: LineCounter,
  start: unknown,
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
