/*
 * Which slaves are suspect. The master looks at its slaves several times a second. A slave is present at a look when it has
 * a poll open, or when a request of it has come since the look before. One that is absent for too long becomes suspect.
 *
 *   excused ──present──► trusted ──absent for too long──► suspect
 *      ▲                  │   ▲                              │
 *      └──most are absent─┘   └───────────present────────────┘
 *
 * When most slaves are absent at once, the master, its network or a proxy is more likely to blame than they are. Then none of
 * the absent ones becomes suspect before it has been present again. The same holds after a time in which the master refused
 * requests, and for all slaves after its start.
 */

/** The state of one slave between two looks. */
export interface Presence {
  readonly trust: 'excused' | 'trusted' | 'suspect';
  /** The first look at which it was absent, in milliseconds of ListenedTime; null when it was present at the last one. */
  readonly absentSince: number | null;
  /** How often it was suspect and came back, within FORGIVEN_AFTER_MS from one time to the next … */
  readonly alarms: number;
  /** … and when the last time. */
  readonly alarmedAt: number;
}

/** The state of a slave that was not seen yet. */
export const unseen: Presence = { trust: 'excused', absentSince: null, alarms: 0, alarmedAt: 0 };

/** A slave at one look. */
export interface Sighting {
  readonly before: Presence;
  readonly isPresent: boolean;
}

/** A false alarm doubles the time until the next one; after so many milliseconds without another one that is forgiven. */
const FORGIVEN_AFTER_MS = 10 * 60_000;
const MOST_DOUBLINGS = 10;
/** A slave that is absent for this part of the time until it is suspect counts among those that are absent at once. */
const NOTED_AFTER = 1 / 3;

export interface Look {
  /** Milliseconds after which an absent slave is suspect. */
  readonly patienceMs: number;
  /** The master refuses requests, so slaves are absent without fault. */
  readonly isRefusing: boolean;
  /** Milliseconds of ListenedTime. */
  readonly now: number;
}

/** The slaves after a look at all of them, in the same order. */
export function afterLook(fleet: readonly Sighting[], { patienceMs, isRefusing, now }: Look): Presence[] {
  const trusted = fleet.filter(({ before }) => before.trust !== 'suspect');
  const absent = trusted.filter((sighting) => absence(sighting, now) >= patienceMs * NOTED_AFTER);
  const isOwnFault = isRefusing || absent.length * 2 > trusted.length;
  return fleet.map((sighting) =>
    sighting.isPresent
      ? afterPresence(sighting.before, now)
      : afterAbsence(sighting.before, patienceMs, now, isOwnFault),
  );
}

function absence({ before, isPresent }: Sighting, now: number): number {
  return isPresent || before.absentSince === null ? 0 : now - before.absentSince;
}

/** The same object when nothing changes, as for nearly all slaves. */
function afterPresence(before: Presence, now: number): Presence {
  if (before.trust === 'trusted' && before.absentSince === null) {
    return before;
  }
  const back = { ...before, trust: 'trusted', absentSince: null } as const;
  return before.trust === 'suspect' ? { ...back, alarms: alarmsAt(before, now) + 1, alarmedAt: now } : back;
}

function afterAbsence(before: Presence, patienceMs: number, now: number, isOwnFault: boolean): Presence {
  const absentSince = before.absentSince ?? now;
  const patience = patienceMs * 2 ** Math.min(alarmsAt(before, now), MOST_DOUBLINGS);
  const isLong = now - absentSince >= patience;
  const trust =
    before.trust !== 'trusted' ? before.trust : isOwnFault ? 'excused' : isLong ? 'suspect' : 'trusted';
  return { ...before, trust, absentSince };
}

function alarmsAt({ alarms, alarmedAt }: Presence, now: number): number {
  return now - alarmedAt < FORGIVEN_AFTER_MS ? alarms : 0;
}
