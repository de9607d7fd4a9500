import { type LoadedConfig, loadConfig } from '../config/load.js';
import { createLogger, type Logger, type LogLevel } from '../lib/logger.js';
import { ClusterRunnerError } from '../protocol/errors.js';

/** The options that every subcommand takes. */
export interface CommonOptions {
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly configFile?: string;
}

export interface Context {
  readonly config: LoadedConfig;
  readonly log: Logger;
}

/**
 * Loads the configuration with the command line on top of it.
 * @param flags 'section.key' to the text that was given for it; undefined ones were not given.
 */
export function createContext(
  name: string,
  options: CommonOptions,
  flags: Readonly<Record<string, string | undefined>>,
  defaultLevel?: LogLevel,
): Context {
  if (options.verbose && options.quiet) {
    throw new ClusterRunnerError('USAGE', 'Give --verbose or --quiet, not both.');
  }
  const given = Object.entries(flags).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
  const config = loadConfig({
    ...(options.configFile === undefined ? {} : { configFile: options.configFile }),
    env: process.env,
    flags: Object.fromEntries(given),
  });
  // Only services keep logs, unless somebody looks on.
  const isForPeople = defaultLevel !== undefined || process.stderr.isTTY;
  return { config, log: createLogger(levelOf(options, config, defaultLevel), name, isForPeople) };
}

function levelOf(options: CommonOptions, config: LoadedConfig, fallback: LogLevel | undefined): LogLevel {
  if (options.verbose) {
    return 'debug';
  }
  if (options.quiet) {
    return 'error';
  }
  return fallback !== undefined && !config.isExplicit('general.log_level') ? fallback : config.logLevel;
}
