import { type ConfEntry, type Service, selectEntries } from './conf-sections.js';
import { invalid, type RawValue } from './config-source.js';
import { type KeyEntry, keyEntries, sectionNames } from './schema.js';
import { listType } from './value-types.js';

/** `[section]`, with or without a comment after it. */
export const SECTION_LINE = /^\s*\[([^\]]*)\]\s*([#;].*)?$/;
const KEY_LINE = /^\s*([^=\s]+)\s*=(.*)$/;
const COMMENT_OR_NOTHING = /^\s*([#;].*)?$/;

export interface ParsedConf {
  /** By `section.key`. */
  readonly settings: Map<string, RawValue>;
  /** Messages about values that are accepted although they were probably meant in another way. */
  readonly warnings: readonly string[];
}

/**
 * Parses a clusterrunner.conf. A section may appear again, but a key only once in a section. A value is the rest of its
 * line, verbatim if it is in quotes of either kind; otherwise a `#` or `;` after a blank begins a comment (`a#b` is a
 * value). A key with an empty value is not set.
 * @param service the program that reads the file, which decides between sections that share a key
 * @throws ClusterRunnerError CONFIG_INVALID naming file, line and key
 */
export function parseConf(content: string, file: string, service: Service | null): ParsedConf {
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
      // The line is not shown, since it may be a secret without its key.
      throw invalid(`${at}: this is neither [section], nor key = value, nor a comment.`);
    }
    if (section === null) {
      throw invalid(`${at}: "${name}" is before the first section; put it under ${sectionList()}.`);
    }
    const [key] = knownKeys(section, name, at);
    const earlier = entries.find((entry) => entry.section === section && entry.name === name);
    if (earlier !== undefined) {
      throw invalid(`${at}: "${name}" is set again; line ${earlier.line} sets it already.`);
    }
    const value = key.key.type === listType ? listIn(rest.trim()) : valueIn(rest.trim());
    if (value === null) {
      throw invalid(`${at}: the value of "${name}" begins with a quote that does not end it.`);
    }
    warnings.push(...valueWarnings(key, rest.trim(), value).map((warning) => `${at}: ${warning}`));
    entries.push({ section, name, line, raw: { text: value, source: `${at}: "${name}"` } });
  }
  const placed = selectEntries(
    entries.filter(({ raw }) => raw.text !== ''),
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

/** The keys with this name, first the one of `section` if there is one. */
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

/** null for an unclosed quote. */
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
 * A list whose names may each be quoted and which may end with a comma, as in files of earlier versions.
 * @returns the names separated by commas; null for an unclosed quote
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
  if (key.type === listType) {
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
