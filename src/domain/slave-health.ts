import type { BuildId } from '../protocol/ids.js';

/** So many failures in a row, without a result in between, put a slave in quarantine … */
export const SICK_AFTER = 3;
/** … for this long. */
export const COOL_OFF_MS = 5 * 60_000;

/** Something that went wrong on a slave and may be its fault. */
export interface SlaveFailure {
  /** null when it had nothing to do with a build. */
  readonly build: BuildId | null;
  /** Completes "three times in a row something went wrong: …". */
  readonly what: string;
}

export interface Health {
  /** Those since its last result, at most SICK_AFTER. */
  readonly failures: readonly SlaveFailure[];
  /** Milliseconds; null when it was never sick since its last result. */
  readonly sickSince: number | null;
}

/** Also the state after every result that a slave delivers. */
export const healthy: Health = { failures: [], sickSince: null };

/**
 * A build counts once, however often it failed on the slave. A slave that has cooled off is on probation: the next failure
 * makes it sick again. `now` in milliseconds.
 */
export function withFailure(health: Health, failure: SlaveFailure, now: number): Health {
  const { failures: before, sickSince } = health;
  if (failure.build !== null && before.some(({ build }) => build === failure.build)) {
    return health;
  }
  const failures = [...before, failure].slice(-SICK_AFTER);
  return { failures, sickSince: failures.length < SICK_AFTER ? sickSince : now };
}

/** The build was to blame: it could be run nowhere. */
export function clearFailuresOf({ failures: before, sickSince }: Health, build: BuildId): Health {
  const failures = before.filter((failure) => failure.build !== build);
  return { failures, sickSince: failures.length < SICK_AFTER ? null : sickSince };
}

/** It registered again, as it does after people have fixed it: it may work, on probation. */
export function registeredAgain({ failures }: Health): Health {
  return { failures: failures.slice(-(SICK_AFTER - 1)), sickSince: null };
}

/** Why it gets no work; null when it is not sick. `now` in milliseconds. */
export function quarantineReason({ failures, sickSince }: Health, now: number): string | null {
  if (sickSince === null || now - sickSince >= COOL_OFF_MS) {
    return null;
  }
  const minutes = Math.ceil((COOL_OFF_MS - (now - sickSince)) / 60_000);
  const whats = [...new Set(failures.map(({ what }) => what))].join('; ');
  return `${failures.length} times in a row something went wrong here (${whats}); it is tried again in ${minutes} min, or when it is restarted.`;
}
