import { type Given, invalid } from './given.js';
import { keyEntries, sectionNames } from './schema.js';

/** `[section]`, with a comment behind it or not. */
export const SECTION_LINE = /^\s*\[([^\]]*)\]\s*([#;].*)?$/;
const KEY_LINE = /^\s*([^=\s]+)\s*=(.*)$/;

/**
 * Reads the text of a clusterrunner.conf; the result is by `section.key`. A section may appear again, a key may
 * not. Values are the rest of the line: in quotes of either kind they are taken as they stand, otherwise a `#` or
 * `;` with a blank before it begins a comment (`a#b` is a value). An empty value is one that is not set.
 * @throws ClusterRunnerError CONFIG_INVALID naming file, line and key
 */
export function readConfText(content: string, file: string): Map<string, Given> {
  const found = new Map<string, Given & { line: number }>();
  let section: string | null = null;
  for (const [index, text] of content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = index + 1;
    const at = `${file}, line ${line}`;
    if (/^\s*([#;].*)?$/.test(text)) {
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
    const fullName = knownKey(section, name, at);
    const earlier = found.get(fullName);
    if (earlier !== undefined) {
      throw invalid(`${at}: "${name}" is given again; it stands in line ${earlier.line} already.`);
    }
    const value = valueIn(rest.trim());
    if (value === null) {
      throw invalid(`${at}: the value of "${name}" begins with a quote that does not end it.`);
    }
    found.set(fullName, { text: value, source: `${at}: "${name}"`, line });
  }
  return new Map([...found].filter(([, { text }]) => text !== ''));
}

function knownSection(name: string, at: string): string {
  if (!sectionNames.includes(name)) {
    throw invalid(`${at}: there is no section [${name}]; the sections are ${sectionList()}.`);
  }
  return name;
}

function knownKey(section: string, name: string, at: string): string {
  const inSection = keyEntries.filter((entry) => entry.section === section);
  const entry = inSection.find((candidate) => candidate.name === name);
  if (entry !== undefined) {
    return entry.fullName;
  }
  const elsewhere = keyEntries.filter((candidate) => candidate.name === name);
  const advice =
    elsewhere.length > 0
      ? `it belongs to [${elsewhere.map((candidate) => candidate.section).join('] or [')}]`
      : `the keys there are ${inSection.map((candidate) => candidate.name).join(', ')}`;
  throw invalid(`${at}: there is no key "${name}" in [${section}]; ${advice}.`);
}

/** null for a quote that is not closed. */
function valueIn(rest: string): string | null {
  const quote = rest[0];
  if (quote === '"' || quote === "'") {
    const end = rest.indexOf(quote, 1);
    const behind = end === -1 ? '' : rest.slice(end + 1);
    return end === -1 || !/^\s*([#;].*)?$/.test(behind) ? null : rest.slice(1, end);
  }
  const comment = rest.search(/(^|\s)[#;]/);
  return (comment === -1 ? rest : rest.slice(0, comment)).trim();
}

function sectionList(): string {
  return sectionNames.map((name) => `[${name}]`).join(', ');
}
