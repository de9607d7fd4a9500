import { type Alias, type Document, isAlias, isMap, isNode, isScalar, isSeq, type Scalar, visit } from 'yaml';
import { isInQuotes } from './misread-yaml.js';

/** Checking aliases takes quadratic time. */
const MAX_ALIASES = 2000;
/** For the sections of a job and the variables of an entry. Merging copies them. */
const MAX_KEYS = 100;

export interface YamlProblem {
  readonly offset: number;
  readonly problem: string;
  /** Whether YAML reads a command as something else. */
  readonly isMisread: boolean;
}

/**
 * The first problem of a file that is valid YAML: repeated keys, dangling or too many aliases, and commands that YAML reads
 * as something else without an error. `null` when there is none.
 */
export function yamlProblem(document: Document.Parsed, text: string): YamlProblem | null {
  let found: YamlProblem | null = null;
  let aliases = 0;
  const anchors = new Map<string, unknown>();
  /** Anchors at texts in lists that no alias has used yet. */
  const unused = new Map<string, Scalar>();
  const at = (node: unknown, problem: string | null, isMisread = false) => {
    if (problem !== null && found === null) {
      found = { offset: offsetOf(node), problem, isMisread };
    }
    return found === null ? undefined : visit.BREAK;
  };
  visit(document, {
    Map: (_, node, path) => {
      if (node.anchor !== undefined) {
        anchors.set(node.anchor, node);
      }
      return path.length > 1 && node.items.length > MAX_KEYS
        ? at(node, `more than ${MAX_KEYS} names stand in one place here`)
        : at(...repeatedKey(node.items.map(({ key }) => key)));
    },
    Seq: (_, node) => {
      if (node.anchor !== undefined) {
        anchors.set(node.anchor, node);
      }
    },
    Pair: (_, { key, value }) => (isMergeKey(key) ? at(key, mergeProblem(value, anchors)) : undefined),
    Alias: (_, node, path) => {
      aliases += 1;
      unused.delete(node.source);
      return at(node, aliasProblem(node, path, anchors, aliases), !anchors.has(node.source));
    },
    Scalar: (key, node, path) => {
      if (node.anchor !== undefined) {
        anchors.set(node.anchor, node);
        if (path.some(isSeq)) {
          unused.set(node.anchor, node);
        }
      }
      return key === 'key' ? undefined : at(node, scalarProblem(node, text), true);
    },
  });
  const [first] = unused;
  if (found === null && first !== undefined) {
    at(first[1], `"&${first[0]}" is read as an anchor, to which no alias leads`, true);
  }
  return found;
}

function offsetOf(node: unknown): number {
  return isNode(node) && node.range ? node.range[0] : 0;
}

function repeatedKey(keys: readonly unknown[]): [unknown, string | null] {
  const seen = new Set<string>();
  for (const key of keys) {
    if (isScalar(key) && !isMergeKey(key)) {
      const name = String(key.value);
      if (seen.has(name)) {
        return [key, `this is not valid YAML: Map keys must be unique, and ${JSON.stringify(name)} is not`];
      }
      seen.add(name);
    }
  }
  return [null, null];
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && (typeof key.value === 'symbol' || (key.value === '<<' && key.type === 'PLAIN'));
}

function mergeProblem(value: unknown, anchors: ReadonlyMap<string, unknown>): string | null {
  const target = (node: unknown) => (isAlias(node) ? anchors.get(node.source) : node);
  const source = target(value);
  const isMaps = isMap(source) || (isSeq(source) && source.items.every((item) => isMap(target(item))));
  return isMaps ? null : '"<<" takes an alias of sections, like "<<: *name"';
}

function aliasProblem(
  { source }: Alias,
  path: readonly unknown[],
  anchors: ReadonlyMap<string, unknown>,
  count: number,
): string | null {
  if (!anchors.has(source)) {
    return `"*${source}" is read as an alias, and no anchor "&${source}" stands above it`;
  }
  if (path.includes(anchors.get(source))) {
    return `the alias "*${source}" stands in what it leads to`;
  }
  return count > MAX_ALIASES ? `the file has more than ${MAX_ALIASES} aliases` : null;
}

function scalarProblem({ type, tag, range }: Scalar, text: string): string | null {
  if (tag === '!') {
    return 'a "!" at the beginning is read as a tag, and not as part of the command';
  }
  if (!range || (type !== 'PLAIN' && type !== 'QUOTE_SINGLE')) {
    return null;
  }
  const source = text.slice(range[0], range[1]);
  if (/\\[ \t]*\r?\n/.test(source)) {
    return 'a "\\" at the end of a line does not join it to the next one here; write "- |" and the lines below it';
  }
  const isCut = type === 'PLAIN' && /^[ \t]+#/.test(text.slice(range[1], range[1] + 100));
  return isCut && isInQuotes(source)
    ? 'the command ends before the "#", which begins a comment for YAML'
    : null;
}
