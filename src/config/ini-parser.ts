import { type ConfEntry, placeEntries, type Service } from './conf-sections.js';
import { type Given, invalid } from './config-source.js';
import { type KeyEntry, keyEntries, sectionNames } from './schema.js';
import { list } from './value-types.js';

/** `[section]`, with a comment behind it or not. */
export const SECTION_LINE = /^\s*\[([^\]]*)\]\s*([#;].*)?$/;
const KEY_LINE = /^\s*([^=\s]+)\s*=(.*)$/;
const COMMENT_OR_NOTHING = /^\s*([#;].*)?$/;

export interface ConfText {
  /** By `section.key`. */
  readonly settings: Map<string, Given>;
  /** Sentences about what is accepted although it was probably not meant so. */
  readonly warnings: readonly string[];
}

/**
 * Reads the text of a clusterrunner.conf. A section may appear again, a key may not appear twice in one section.
 * Values are the rest of the line: in quotes of either kind they are taken as they stand, otherwise a `#` or
 * `;` with a blank before it begins a comment (`a#b` is a value). An empty value is one that is not set.
 * @param service the program that reads it, which decides between sections that share a key
 * @throws ClusterRunnerError CONFIG_INVALID naming file, line and key
 */
export function readConfText(content: string, file: string, service: Service | null): ConfText {
  const entries: ConfEntry[] = [];
  const warnings: string[] = [];
  let section: string | null = null;
  for (const [index, text] of content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = index + 1;
    const at = `${file}, line ${line}`;
    if (COMMENT_OR_NOTHING.test(text)) {
      continue;
    }
    const header = SECTION_LINE.exec(text);
    if (header !== null) {
      section = knownSection((header[1] ?? '').trim(), at);
      continue;
    }
    const [, name, rest] = KEY_LINE.exec(text) ?? [];
    if (name === undefined || rest === undefined) {
      // The line is not shown: it may well be a secret that lacks its key.
      throw invalid(`${at}: this is neither [section], nor key = value, nor a comment.`);
    }
    if (section === null) {
      throw invalid(`${at}: "${name}" stands before the first section; put it under ${sectionList()}.`);
    }
    const [key] = knownKeys(section, name, at);
    const earlier = entries.find((entry) => entry.section === section && entry.name === name);
    if (earlier !== undefined) {
      throw invalid(`${at}: "${name}" is given again; it stands in line ${earlier.line} already.`);
    }
    const value = key.key.kind === list ? listIn(rest.trim()) : valueIn(rest.trim());
    if (value === null) {
      throw invalid(`${at}: the value of "${name}" begins with a quote that does not end it.`);
    }
    warnings.push(...valueWarnings(key, rest.trim(), value).map((sentence) => `${at}: ${sentence}`));
    entries.push({ section, name, line, given: { text: value, source: `${at}: "${name}"` } });
  }
  const placed = placeEntries(
    entries.filter(({ given }) => given.text !== ''),
    file,
    service,
  );
  return { settings: placed.settings, warnings: [...warnings, ...placed.warnings] };
}

function knownSection(name: string, at: string): string {
  if (!sectionNames.includes(name)) {
    throw invalid(`${at}: there is no section [${name}]; the sections are ${sectionList()}.`);
  }
  return name;
}

/** The keys of that name, the one of this section first if there is one. */
function knownKeys(section: string, name: string, at: string): [KeyEntry, ...KeyEntry[]] {
  const named = keyEntries.filter((entry) => entry.name === name);
  const [first, ...others] = [
    ...named.filter((entry) => entry.section === section),
    ...named.filter((entry) => entry.section !== section),
  ];
  if (first === undefined) {
    const inSection = keyEntries.filter((entry) => entry.section === section);
    throw invalid(
      `${at}: there is no key "${name}" in [${section}]; the keys there are ${inSection.map((entry) => entry.name).join(', ')}.`,
    );
  }
  return [first, ...others];
}

/** null for a quote that is not closed. */
function valueIn(rest: string): string | null {
  const quote = rest[0];
  if (quote === '"' || quote === "'") {
    const end = rest.indexOf(quote, 1);
    const after = end === -1 ? '' : rest.slice(end + 1);
    return end === -1 || !COMMENT_OR_NOTHING.test(after) ? null : rest.slice(1, end);
  }
  return rest.slice(0, commentStart(rest)).trim();
}

const LIST_ITEM = /\s*(?:"([^"]*)"|'([^']*)'|((?:(?![#;])(?:(?!\s[#;])[^,'"])+)?))\s*(,|$|(?=[#;]))/y;

/**
 * A list whose names may stand in quotes each, and end with a comma, as older files write it.
 * @returns the names with commas between them; null for a quote that is not closed
 */
function listIn(rest: string): string | null {
  if (/^[#;]/.test(rest)) {
    return '';
  }
  const names: string[] = [];
  LIST_ITEM.lastIndex = 0;
  for (;;) {
    const match = LIST_ITEM.exec(rest);
    if (match === null) {
      return null;
    }
    names.push((match[1] ?? match[2] ?? match[3] ?? '').trim());
    if (match[4] !== ',') {
      break;
    }
  }
  const isTrailing = names.length > 1 && names.at(-1) === '';
  return (isTrailing ? names.slice(0, -1) : names).join(',');
}

function commentStart(rest: string): number {
  const start = rest.search(/(^|\s)[#;]/);
  return start === -1 ? rest.length : start;
}

function valueWarnings({ name, key }: KeyEntry, rest: string, value: string): string[] {
  const isQuoted = /^["']/.test(rest);
  if (key.kind === list) {
    const bare = rest.slice(0, commentStart(rest)).trim();
    return /["'].*,|,.*["']|,$/.test(bare)
      ? [`"${name}" is read as the list ${value.replaceAll(',', ', ')}; write it so, without quotes.`]
      : [];
  }
  if (key.isSecret && !isQuoted && rest.includes('#')) {
    return value.includes('#')
      ? [
          `the "#" belongs to the value of "${name}"; ClusterRunner 0.x ends the value before it. Quote the value.`,
        ]
      : [`the value of "${name}" ends before the "#"; the rest is a comment. Quote the value if it is not.`];
  }
  return [];
}

function sectionList(): string {
  return sectionNames.map((name) => `[${name}]`).join(', ');
}
