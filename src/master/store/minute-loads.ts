import type { MinuteLoad } from '../../domain/utilization.js';
import type { Reader } from './engine/engine.js';
import { sql } from './engine/sql.js';
import { change, type Write } from './engine/write.js';
import { minuteLoads } from './tables.js';

/** A minute that was stored before, under a clock that was set back since, is replaced. */
export function saveMinuteLoad({ minute, executors, busy, waiting }: MinuteLoad): Write {
  return change(sql`
    INSERT INTO minute_loads (minute, executors, busy, waiting)
    VALUES (${minute}, ${executors}, ${busy}, ${waiting})
    ON CONFLICT (minute) DO UPDATE SET
      executors = excluded.executors, busy = excluded.busy, waiting = excluded.waiting`);
}

/** Deletes all minutes except those after `after` and up to `last`; a clock that was wrong may have stored later ones. */
export function trimMinuteLoads(after: number, last: number): Write {
  return change(sql`DELETE FROM minute_loads WHERE minute <= ${after} OR minute > ${last}`);
}

/** Oldest first. `after` in minutes since the epoch. */
export function minuteLoadsSince(db: Reader, after: number): Promise<MinuteLoad[]> {
  return db.all(
    sql`SELECT minute, executors, busy, waiting FROM minute_loads WHERE minute > ${after} ORDER BY minute`,
    minuteLoads,
  );
}
