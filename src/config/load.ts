import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { loadConfFile } from './conf-file.js';
import type { Service } from './conf-sections.js';
import { type Given, invalid, readGiven } from './config-source.js';
import { CONFIG_FILE_VARIABLE, type Environment, readEnvironment } from './environment.js';
import {
  type Key,
  type KeyEntry,
  type KeyName,
  keyEntries,
  type SectionName,
  type SectionValues,
  sections,
  settingName,
  settingValue,
} from './schema.js';
import type { Place } from './value-types.js';

/** Read, checked and frozen. Keys of [general] stand at the top; times are in seconds, sizes in bytes. */
export type LoadedConfig = SectionValues<'general'> & {
  readonly master: SectionValues<'master'>;
  readonly slave: SectionValues<'slave'>;
  /** The file that was read. */
  readonly configFile: string;
  /** The program that this configuration is for, where it is one that has a section of its own. */
  readonly service: Service | null;
  /** Sentences for the log about what the file says in a form that only older programs know. */
  readonly warnings: readonly string[];
  /** True when the command line, the environment or the file says it, be it the default's value. */
  isExplicit(key: KeyName): boolean;
};

export interface LoadOptions {
  /** Goes before CLUSTERRUNNER_CONFIG_FILE. */
  readonly configFile?: string;
  readonly env: Environment;
  /** `section.key` to the text given on the command line. */
  readonly flags?: Readonly<Record<string, string>>;
  readonly service?: Service;
}

interface Layer {
  readonly found: ReadonlyMap<string, Given>;
  readonly place: Place;
  readonly code: 'USAGE' | 'CONFIG_INVALID';
}

/**
 * Loads the configuration: command line before environment before file before default. At first use the file is
 * written, with a new secret.
 * @throws ClusterRunnerError CONFIG_INVALID, or USAGE for a value of the command line
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const home = options.env.HOME || homedir();
  const here: Place = { home, directory: process.cwd() };
  const flags = givenFlags(options.flags ?? {});
  const environment = readEnvironment(options.env);
  const overrides = new Map([...environment, ...flags]);

  const named = options.configFile ?? (options.env[CONFIG_FILE_VARIABLE] || undefined);
  const configFile =
    named === undefined
      ? join(baseDirectory(overrides, here), 'clusterrunner.conf')
      : resolve(here.directory, named);
  const inFile: Place = { home, directory: dirname(configFile) };
  const service = options.service ?? null;
  const { settings: fromFile, warnings } = loadConfFile({
    file: configFile,
    service,
    mayMakeFolder: named === undefined,
    hasSecret: overrides.has('general.secret'),
    check: (settings) => readLayer({ found: settings, place: inFile, code: 'CONFIG_INVALID' }),
  });

  // Every value is checked, also one that another goes before: it would fail on another day.
  const values = new Map<string, unknown>([
    ...readLayer({ found: fromFile, place: inFile, code: 'CONFIG_INVALID' }),
    ...readLayer({ found: environment, place: here, code: 'CONFIG_INVALID' }),
    ...readLayer({ found: flags, place: here, code: 'USAGE' }),
  ]);
  for (const { fullName, key } of keyEntries) {
    if (!values.has(fullName)) {
      values.set(fullName, defaultOf(key, here));
    }
  }
  const config: LoadedConfig = {
    ...section('general', values),
    master: section('master', values),
    slave: section('slave', values),
    configFile,
    service,
    warnings,
    isExplicit: (name) => fromFile.has(name) || overrides.has(name),
  };
  if ((config.httpsCertFile === null) !== (config.httpsKeyFile === null)) {
    throw invalid(
      `Of https_cert_file and https_key_file only one is set; HTTPS needs both (see ${configFile}).`,
    );
  }
  return Object.freeze(config);
}

/** The settings of a section when nothing is set. */
export function defaultSettings<S extends Exclude<SectionName, 'general'>>(name: S): SectionValues<S> {
  const here: Place = { home: homedir(), directory: process.cwd() };
  return section(
    name,
    new Map(
      keyEntries
        .filter((entry) => entry.section === name)
        .map(({ fullName, key }) => [fullName, defaultOf(key, here)]),
    ),
  );
}

function readLayer({ found, place, code }: Layer): [string, unknown][] {
  return [...found].map(([name, given]) => [name, readGiven(entryOf(name).key, given, place, code)]);
}

function givenFlags(flags: Readonly<Record<string, string>>): Map<string, Given> {
  return new Map(
    Object.entries(flags).map(([name, text]) => {
      const source = entryOf(name).key.flag ?? name;
      return [name, { text, source }] as const;
    }),
  );
}

function entryOf(fullName: string): KeyEntry {
  const entry = keyEntries.find((candidate) => candidate.fullName === fullName);
  if (entry === undefined) {
    throw new Error(`There is no configuration key ${fullName}.`);
  }
  return entry;
}

function baseDirectory(overrides: ReadonlyMap<string, Given>, place: Place): string {
  const key = sections.general.base_directory;
  const given = overrides.get('general.base_directory');
  return given === undefined ? defaultOf(key, place) : readGiven(key, given, place);
}

function defaultOf<T>(key: Key<T>, place: Place): T {
  const { fallback } = key;
  return 'text' in fallback
    ? readGiven(key, { text: fallback.text, source: 'The default' }, place)
    : fallback.value();
}

function section<S extends SectionName>(name: S, values: ReadonlyMap<string, unknown>): SectionValues<S> {
  const pairs = Object.keys(sections[name]).map((key) => [
    settingName(key),
    settingValue(key, values.get(`${name}.${key}`)),
  ]);
  // Every value was read by the kind of its key, which a type cannot follow through a loop over the keys.
  return Object.freeze(Object.fromEntries(pairs)) as SectionValues<S>;
}
