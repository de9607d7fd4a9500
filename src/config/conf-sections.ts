import type { Given } from './config-source.js';
import { keyEntries, sectionNames } from './schema.js';

/** A program that has a section of its own in the file. */
export type Service = 'master' | 'slave';

/** One line `name = value` of the file. */
export interface ConfEntry {
  readonly section: string;
  readonly name: string;
  readonly line: number;
  readonly given: Given;
}

/**
 * Finds the entry that sets each key. A key counts in its own section first. Files of ClusterRunner 0.x, which reads
 * [general] and the section of the running service alike, put known keys into other sections too: these count where
 * the key's own section does not have it, with a warning. In the section of the running service a key of [general]
 * counts more than in [general].
 */
export function placeEntries(
  entries: readonly ConfEntry[],
  file: string,
  service: Service | null,
): { settings: Map<string, Given>; warnings: string[] } {
  const settings = new Map<string, Given>();
  const used = new Map<ConfEntry, string[]>();
  for (const { section: home, name, fullName } of keyEntries) {
    const named = entries.filter((entry) => entry.name === name);
    const chosen = sectionOrder(home, name, service)
      .flatMap((section) => named.filter((entry) => entry.section === section))
      .at(0);
    if (chosen !== undefined) {
      settings.set(fullName, chosen.given);
      used.set(chosen, [...(used.get(chosen) ?? []), home]);
    }
  }
  const warnings = entries.flatMap((entry) => warningOf(entry, used.get(entry) ?? [], file));
  return { settings, warnings };
}

function sectionOrder(home: string, name: string, service: Service | null): string[] {
  const hasOwnKey = (section: string) => keyEntries.some((entry) => entry.fullName === `${section}.${name}`);
  const others = ['general', ...sectionNames].filter((section) => section === home || !hasOwnKey(section));
  const first = home === 'general' && service !== null ? [service, home] : [home];
  return [...new Set([...first, ...others])];
}

/** What a master and a slave on one machine set apart, each in its own section. */
const setByService: ReadonlySet<string> = new Set(['log_filename', 'max_log_file_size', 'eventlog_filename']);

function warningOf({ section, name, line }: ConfEntry, homes: readonly string[], file: string): string[] {
  if (homes.includes(section) || setByService.has(name)) {
    return [];
  }
  const own = keyEntries.filter((entry) => entry.name === name).map((entry) => `[${entry.section}]`);
  const at = `${file}, line ${line}`;
  return homes.length > 0
    ? [`${at}: "${name}" is taken from [${section}]; it belongs to ${own.join(' and ')}.`]
    : own.includes(`[${section}]`)
      ? []
      : [
          `${at}: "${name}" in [${section}] has no effect; it belongs to ${own.join(' and ')}, which sets it.`,
        ];
}
