import { textStart } from '../lib/text/text-ends.js';
import { ClusterRunnerError, type ErrorCode } from '../protocol/errors.js';
import type { Key } from './schema.js';
import type { PathContext } from './value-types.js';

/** The text of a setting, before it is parsed. */
export interface RawValue {
  readonly text: string;
  /** Where it comes from, as the subject of a message: `/home/me/clusterrunner.conf, line 3: "port"`. */
  readonly source: string;
}

/** @throws ClusterRunnerError CONFIG_INVALID (or `code`) when the text is no value of the key's type */
export function parseValue<T>(
  key: Key<T>,
  raw: RawValue,
  paths: PathContext,
  code: ErrorCode = 'CONFIG_INVALID',
): T {
  const value = key.type.read(raw.text, paths);
  if (value === undefined) {
    const shown = key.isSecret ? '' : `, not ${JSON.stringify(textStart(raw.text, 100))}`;
    throw new ClusterRunnerError(code, `${raw.source} must be ${key.type.expected}${shown}.`);
  }
  return value;
}

export function invalid(message: string, cause?: unknown): ClusterRunnerError {
  return new ClusterRunnerError('CONFIG_INVALID', message, cause === undefined ? {} : { cause });
}
