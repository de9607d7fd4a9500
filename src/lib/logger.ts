import { destination, type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Lines of JSON on stderr: stdout is for what a person or a program asked for. */
export function createLogger(level: LogLevel, name: string): Logger {
  return pino({ name, level, base: { name } }, destination({ dest: 2, sync: true }));
}
