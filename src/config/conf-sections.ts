import type { RawValue } from './config-source.js';
import { keyEntries, sectionNames } from './schema.js';

/** A program that has a section of its own in the file. */
export type Service = 'master' | 'slave';

/** A line `name = value` of the file. */
export interface ConfEntry {
  readonly section: string;
  readonly name: string;
  readonly line: number;
  readonly raw: RawValue;
}

/**
 * Selects the entry that sets each key. An entry in the key's own section takes precedence. ClusterRunner 0.x reads
 * [general] and the section of the running service alike, so its files may have known keys in other sections. Such an
 * entry counts, with a warning, if the key's own section has none. A key of [general] in the section of the running
 * service overrides the one in [general].
 */
export function selectEntries(
  entries: readonly ConfEntry[],
  file: string,
  service: Service | null,
): { settings: Map<string, RawValue>; warnings: string[] } {
  const settings = new Map<string, RawValue>();
  const used = new Map<ConfEntry, string[]>();
  for (const { section: home, name, fullName } of keyEntries) {
    const named = entries.filter((entry) => entry.name === name);
    const chosen = sectionOrder(home, name, service)
      .flatMap((section) => named.filter((entry) => entry.section === section))
      .at(0);
    if (chosen !== undefined) {
      settings.set(fullName, chosen.raw);
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

/** Keys of [general] that a master and a slave on one machine may set differently, each in its own section. */
const setByService: ReadonlySet<string> = new Set(['log_filename', 'max_log_file_size', 'eventlog_filename']);

function warningOf({ section, name, line }: ConfEntry, homes: readonly string[], file: string): string[] {
  if (homes.includes(section) || setByService.has(name)) {
    return [];
  }
  const own = keyEntries.filter((entry) => entry.name === name).map((entry) => `[${entry.section}]`);
  const at = `${file}, line ${line}`;
  return homes.length > 0
    ? [`${at}: "${name}" is read from [${section}]; it belongs to ${own.join(' and ')}.`]
    : own.includes(`[${section}]`)
      ? []
      : [
          `${at}: "${name}" in [${section}] has no effect; it belongs to ${own.join(' and ')}, which sets it.`,
        ];
}
