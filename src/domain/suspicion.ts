/*
 * Which slaves are suspect. The master looks at its slaves several times a second. A slave is present at a look when it has
 * a poll open, or when a request of it has come since the look before. One that is absent for too long becomes suspect.
 *
 *   excused ──present──► trusted ──absent for too long──► suspect
 *      ▲                  │   ▲                              │
 *      └──nobody's fault──┘   └───────────present────────────┘
 *
 * When most slaves are absent at once, the master, its network or a proxy is more likely to blame than they are. When many
 * come back late, all of it is merely slow. Then none of the absent ones becomes suspect before it has been present again.
 * The same holds after a time in which the master refused requests, and for all slaves after its start.
 */

/** The state of one slave between two looks. Times are in milliseconds of ListenedTime. */
export interface Presence {
  readonly trust: 'excused' | 'trusted' | 'suspect';
  /** The first look at which it was absent; null when it was present at the last one. */
  readonly absentSince: number | null;
  /** When it came back late the last time; null before that. */
  readonly lateAt: number | null;
  /** How often it was suspect and came back, within FORGIVEN_AFTER_MS from one time to the next … */
  readonly alarms: number;
  /** … and when the last time. */
  readonly alarmedAt: number;
}

/** The state of a slave that was not seen yet. */
export const unseen: Presence = {
  trust: 'excused',
  absentSince: null,
  lateAt: null,
  alarms: 0,
  alarmedAt: 0,
};

/** A slave at one look. */
export interface Sighting {
  readonly before: Presence;
  readonly isPresent: boolean;
}

export interface Look {
  /** Milliseconds after which an absent slave is suspect. */
  readonly patienceMs: number;
  /** The master refuses requests, so slaves are absent without fault. */
  readonly isRefusing: boolean;
  /** Milliseconds of ListenedTime. */
  readonly now: number;
}

/** The slaves after a look, in their order, and whether so many came back late that the cluster counts as slow. */
export interface Outlook {
  readonly slaves: readonly Presence[];
  readonly isSlow: boolean;
}

/** A false alarm doubles the time until the next one; after so many milliseconds without another one that is forgiven. */
const FORGIVEN_AFTER_MS = 10 * 60_000;
const MOST_DOUBLINGS = 10;
/** A slave is late after this part of the time until it is suspect. */
const LATE_AFTER = 1 / 3;
/** How long it counts that a slave came back late. */
const SLOW_FOR_MS = 30_000;
/** More slaves than this, and a larger part of the fleet, do not come back late by chance. */
const LATE_BY_CHANCE = { slaves: 2, part: 0.05 };

/** Looks at all slaves. */
export function afterLook(fleet: readonly Sighting[], look: Look): Outlook {
  const { patienceMs, isRefusing, now } = look;
  const lateMs = patienceMs * LATE_AFTER;
  const trusted = fleet.filter(({ before }) => before.trust !== 'suspect');
  const absent = trusted.filter((sighting) => !sighting.isPresent && absence(sighting.before, now) >= lateMs);
  const late = fleet.filter(({ before, isPresent }) => isLate(before, isPresent, lateMs, now));
  const isSlow = late.length > Math.max(LATE_BY_CHANCE.slaves, LATE_BY_CHANCE.part * fleet.length);
  const isExcused = isRefusing || isSlow || absent.length * 2 > trusted.length;
  const slaves = fleet.map(({ before, isPresent }) =>
    isPresent ? afterPresence(before, lateMs, now) : afterAbsence(before, patienceMs, now, isExcused),
  );
  return { slaves, isSlow };
}

function absence({ absentSince }: Presence, now: number): number {
  return absentSince === null ? 0 : now - absentSince;
}

/** Whether it comes back late at this look, or did so not long ago. */
function isLate(before: Presence, isPresent: boolean, lateMs: number, now: number): boolean {
  const { lateAt } = before;
  return (isPresent && absence(before, now) >= lateMs) || (lateAt !== null && now - lateAt < SLOW_FOR_MS);
}

/** The same object when nothing changes, as for nearly all slaves. */
function afterPresence(before: Presence, lateMs: number, now: number): Presence {
  if (before.trust === 'trusted' && before.absentSince === null) {
    return before;
  }
  const lateAt = absence(before, now) >= lateMs ? now : before.lateAt;
  const back = { ...before, trust: 'trusted', absentSince: null, lateAt } as const;
  return before.trust === 'suspect' ? { ...back, alarms: alarmsAt(before, now) + 1, alarmedAt: now } : back;
}

function afterAbsence(before: Presence, patienceMs: number, now: number, isExcused: boolean): Presence {
  const absentSince = before.absentSince ?? now;
  const patience = patienceMs * 2 ** Math.min(alarmsAt(before, now), MOST_DOUBLINGS);
  const isLong = now - absentSince >= patience;
  const trust =
    before.trust !== 'trusted' ? before.trust : isExcused ? 'excused' : isLong ? 'suspect' : 'trusted';
  return { ...before, trust, absentSince };
}

function alarmsAt({ alarms, alarmedAt }: Presence, now: number): number {
  return now - alarmedAt < FORGIVEN_AFTER_MS ? alarms : 0;
}
