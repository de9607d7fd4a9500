import { textStart } from '../lib/text/text-ends.js';
import { ClusterRunnerError, type ErrorCode } from '../protocol/errors.js';
import type { Key } from './schema.js';
import type { Place } from './value-types.js';

/** A value that somebody gave, not yet read. */
export interface Given {
  readonly text: string;
  /** Begins a sentence about it: `/home/me/clusterrunner.conf, line 3: "port"`. */
  readonly source: string;
}

/** @throws ClusterRunnerError CONFIG_INVALID (or `code`) when the text is not what the key takes */
export function readGiven<T>(key: Key<T>, given: Given, place: Place, code: ErrorCode = 'CONFIG_INVALID'): T {
  const value = key.kind.read(given.text, place);
  if (value === undefined) {
    const shown = key.isSecret ? '' : `, not ${JSON.stringify(textStart(given.text, 100))}`;
    throw new ClusterRunnerError(code, `${given.source} must be ${key.kind.expected}${shown}.`);
  }
  return value;
}

export function invalid(sentence: string, cause?: unknown): ClusterRunnerError {
  return new ClusterRunnerError('CONFIG_INVALID', sentence, cause === undefined ? {} : { cause });
}
