import { destination, type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Lines on stderr: stdout is for what a person or a program asked for. JSON objects, or with `isForPeople` sentences.
 */
export function createLogger(level: LogLevel, name: string, isForPeople = false): Logger {
  const options = { name, level, base: { name } };
  return isForPeople
    ? pino(options, { write: (line: string) => process.stderr.write(sentenceOf(line)) })
    : pino(options, destination({ dest: 2, sync: true }));
}

const ERROR = 50;
const WARN = 40;

/** A line of the log as a person wants to read it; the stack only of an error that should not have been. */
export function sentenceOf(line: string): string {
  const entry: unknown = JSON.parse(line);
  const { name, level, msg, build, err } = fieldsOf(entry);
  const word = typeof level !== 'number' || level < WARN ? '' : level >= ERROR ? ' error:' : ' warning:';
  const about = build === undefined ? '' : ` (build ${String(build)})`;
  const { stack } = fieldsOf(err);
  const trace = word === ' error:' && typeof stack === 'string' ? `\n${stack}` : '';
  return `${String(name)}:${word} ${String(msg)}${about}${trace}\n`;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
