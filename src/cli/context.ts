import { type LoadedConfig, loadConfig } from '../config/load.js';
import { createLogger, type Logger, type LogLevel } from '../lib/logger.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import { openServiceFile } from './services/service-file.js';

/** The options of every subcommand. */
export interface CommonOptions {
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly configFile?: string;
}

export interface Context {
  readonly config: LoadedConfig;
  readonly log: Logger;
  /** Closes the log file of a service. */
  close(): Promise<void>;
}

/**
 * Loads the configuration with the command line on top of it.
 * @param flags maps 'section.key' to the given text, undefined when not given
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
  const service = name === 'master' || name === 'slave' ? name : null;
  const config = loadConfig({
    ...(options.configFile === undefined ? {} : { configFile: options.configFile }),
    ...(service === null ? {} : { service }),
    env: process.env,
    flags: Object.fromEntries(given),
  });
  const file =
    service === null || config.logFilename === null ? null : openServiceFile(config, config.logFilename);
  const log = createLogger({
    level: levelOf(options, config, defaultLevel),
    name,
    // JSON only for services whose stderr is no terminal.
    isForPeople: defaultLevel !== undefined || process.stderr.isTTY,
    ...(file === null ? {} : { file }),
  });
  for (const warning of config.warnings) {
    log.warn(warning);
  }
  return { config, log, close: async () => file?.close() };
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
