import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { loadConfFile } from './conf-file.js';
import type { Service } from './conf-sections.js';
import { invalid, parseValue, type RawValue } from './config-source.js';
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
import type { PathContext } from './value-types.js';

/** Parsed, checked and frozen. Keys of [general] are at the top level; times are in seconds, sizes in bytes. */
export type LoadedConfig = SectionValues<'general'> & {
  readonly master: SectionValues<'master'>;
  readonly slave: SectionValues<'slave'>;
  /** The file that was read. */
  readonly configFile: string;
  /** The program that reads the configuration, if it has a section of its own. */
  readonly service: Service | null;
  /** Messages for the log about settings in a form of earlier versions. */
  readonly warnings: readonly string[];
  /** Whether the command line, the environment or the file sets it, even to its default. */
  isExplicit(key: KeyName): boolean;
};

export interface LoadOptions {
  /** Takes precedence over CLUSTERRUNNER_CONFIG_FILE. */
  readonly configFile?: string;
  readonly env: Environment;
  /** Texts of the command line, by `section.key`. */
  readonly flags?: Readonly<Record<string, string>>;
  readonly service?: Service;
}

interface Layer {
  readonly found: ReadonlyMap<string, RawValue>;
  readonly paths: PathContext;
  readonly code: 'USAGE' | 'CONFIG_INVALID';
}

/**
 * Loads the configuration. The command line takes precedence over the environment, that over the file, and that over the
 * defaults. At first use the file is written, with a new secret.
 * @throws ClusterRunnerError CONFIG_INVALID, or USAGE for a value of the command line
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const home = options.env.HOME || homedir();
  const here: PathContext = { home, directory: process.cwd() };
  const flags = rawFlags(options.flags ?? {});
  const environment = readEnvironment(options.env);
  const overrides = new Map([...environment, ...flags]);

  const named = options.configFile ?? (options.env[CONFIG_FILE_VARIABLE] || undefined);
  const configFile =
    named === undefined
      ? join(baseDirectory(overrides, here), 'clusterrunner.conf')
      : resolve(here.directory, named);
  const inFile: PathContext = { home, directory: dirname(configFile) };
  const service = options.service ?? null;
  const { settings: fromFile, warnings } = loadConfFile({
    file: configFile,
    service,
    mayMakeFolder: named === undefined,
    hasSecret: overrides.has('general.secret'),
    check: (settings) => readLayer({ found: settings, paths: inFile, code: 'CONFIG_INVALID' }),
  });

  // Overridden values are checked too: they would fail once nothing overrides them.
  const values = new Map<string, unknown>([
    ...readLayer({ found: fromFile, paths: inFile, code: 'CONFIG_INVALID' }),
    ...readLayer({ found: environment, paths: here, code: 'CONFIG_INVALID' }),
    ...readLayer({ found: flags, paths: here, code: 'USAGE' }),
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
      `Only one of https_cert_file and https_key_file is set; HTTPS needs both (see ${configFile}).`,
    );
  }
  return Object.freeze(config);
}

/** The settings of a section with nothing set. */
export function defaultSettings<S extends Exclude<SectionName, 'general'>>(name: S): SectionValues<S> {
  const here: PathContext = { home: homedir(), directory: process.cwd() };
  return section(
    name,
    new Map(
      keyEntries
        .filter((entry) => entry.section === name)
        .map(({ fullName, key }) => [fullName, defaultOf(key, here)]),
    ),
  );
}

function readLayer({ found, paths, code }: Layer): [string, unknown][] {
  return [...found].map(([name, raw]) => [name, parseValue(entryOf(name).key, raw, paths, code)]);
}

function rawFlags(flags: Readonly<Record<string, string>>): Map<string, RawValue> {
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

function baseDirectory(overrides: ReadonlyMap<string, RawValue>, paths: PathContext): string {
  const key = sections.general.base_directory;
  const raw = overrides.get('general.base_directory');
  return raw === undefined ? defaultOf(key, paths) : parseValue(key, raw, paths);
}

function defaultOf<T>(key: Key<T>, paths: PathContext): T {
  const { defaultValue } = key;
  return 'text' in defaultValue
    ? parseValue(key, { text: defaultValue.text, source: 'The default' }, paths)
    : defaultValue.value();
}

function section<S extends SectionName>(name: S, values: ReadonlyMap<string, unknown>): SectionValues<S> {
  const pairs = Object.keys(sections[name]).map((key) => [
    settingName(key),
    settingValue(key, values.get(`${name}.${key}`)),
  ]);
  // Every value was parsed by the type of its key, which the compiler cannot follow through a loop over the keys.
  return Object.freeze(Object.fromEntries(pairs)) as SectionValues<S>;
}
