import { type DestinationStream, destination, multistream, type Logger as PinoLogger, pino } from 'pino';
import { escapeControlCharsInJson, stripControlChars } from './text/strip-control-chars.js';

export type Logger = PinoLogger;

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** The subcommand that logs. */
  readonly name: string;
  /** Text on stderr instead of JSON. */
  readonly isForPeople?: boolean;
  /** Gets the JSON lines as well. */
  readonly file?: DestinationStream;
}

/** Logs to stderr: stdout is for the requested output. */
export function createLogger({ level, name, isForPeople = false, file }: LoggerOptions): Logger {
  const options = { name, level, base: { name } };
  const stderr: DestinationStream = isForPeople
    ? { write: (line: string) => void process.stderr.write(formatForTerminal(line)) }
    : escaped(destination({ dest: 2, sync: true }));
  if (file === undefined || level === 'silent') {
    return pino(options, stderr);
  }
  return pino(options, multistream([stderr, escaped(file)].map((stream) => ({ level, stream }))));
}

/** Lines contain text of others, and may be read on terminals. */
function escaped(stream: DestinationStream): DestinationStream {
  return { write: (line: string) => stream.write(escapeControlCharsInJson(line)) };
}

const ERROR = 50;
const WARN = 40;

/** A log line for people; with the stack only for errors. */
export function formatForTerminal(line: string): string {
  const entry: unknown = JSON.parse(line);
  const { name, level, msg, build, err } = fieldsOf(entry);
  const word = typeof level !== 'number' || level < WARN ? '' : level >= ERROR ? ' error:' : ' warning:';
  const about = build === undefined ? '' : ` (build ${String(build)})`;
  const { stack } = fieldsOf(err);
  const trace = word === ' error:' && typeof stack === 'string' ? `\n${stack}` : '';
  return stripControlChars(`${String(name)}:${word} ${String(msg)}${about}${trace}\n`);
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
