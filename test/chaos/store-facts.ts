import { copyFileSync, existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { Sqlite } from '../../src/master/store/engine/sqlite.js';
import type { ClockShifts } from './clock-shifts.js';
import type { Diary } from './diary.js';
import type { World } from './world.js';

/** Facts that only the store has. */
export interface StoreFacts {
  /** How many events of this kind the log has. */
  events(tag: string): number;
  /** How many slaves were lost that held this subjob; null: the build's preparation. */
  losses(build: number, subjob: number | null): number;
  /** The files of accepted results, as `build/subjob.tar.gz`. */
  readonly delivered: ReadonlySet<string>;
  /** Files that the master may have made of undelivered verdicts. */
  readonly kept: ReadonlySet<string>;
}

/** Reads them from the disk. The master must not run: it shares its store with nobody. */
export function readStoreFacts(world: World): StoreFacts {
  const db = openCopy(world);
  try {
    const lost = db
      .prepare(
        `SELECT build_id || '/' || coalesce(subjob_id, 'preparation') AS lease, count(*) AS count
         FROM leases WHERE state = 'LOST' GROUP BY 1`,
      )
      .all();
    const done = db
      .prepare(`SELECT build_id || '/' || subjob_id || '.tar.gz' AS name FROM subjobs WHERE state = 'DONE'`)
      .all();
    const undelivered = db
      .prepare(
        `SELECT build_id || '/' || subjob_id || '.kept.tar.gz' AS name FROM subjobs WHERE state IN ('CUT', 'LOST')`,
      )
      .all();
    const tags = db.prepare('SELECT kind, count(*) AS count FROM events GROUP BY kind').all();
    const events = new Map(tags.map((row) => [String(column(row, 'kind')), Number(column(row, 'count'))]));
    const counts = new Map(lost.map((row) => [String(column(row, 'lease')), Number(column(row, 'count'))]));
    return {
      events: (tag) => events.get(tag) ?? 0,
      losses: (build, subjob) => counts.get(`${build}/${subjob ?? 'preparation'}`) ?? 0,
      delivered: new Set(done.map((row) => String(column(row, 'name')))),
      kept: new Set(undelivered.map((row) => String(column(row, 'name')))),
    };
  } finally {
    db.close();
  }
}

/** SQLite's own check of the file, and invariants between the rows once everything has ended. */
export function checkStore(world: World, diary: Diary): void {
  const db = openCopy(world);
  const none = (what: string, sql: string) => {
    const rows = db.prepare(sql).all();
    if (rows.length > 0) {
      diary.violation(`The store has ${what}: ${JSON.stringify(rows.slice(0, 5))}.`);
    }
  };
  try {
    const integrity = JSON.stringify(db.prepare('PRAGMA integrity_check').all());
    if (integrity !== '[{"integrity_check":"ok"}]') {
      diary.violation(`The store is damaged: ${integrity}.`);
    }
    none('rows whose parents are missing', 'PRAGMA foreign_key_check');
    none('leases that are held', "SELECT * FROM leases WHERE state = 'HELD'");
    none(
      'more leases of a subjob than attempts',
      `SELECT build_id, subjob_id, attempt, (SELECT count(*) FROM leases l WHERE l.build_id = s.build_id
       AND l.subjob_id = s.subjob_id) AS leases FROM subjobs s WHERE attempt <> leases`,
    );
    none(
      'a subjob that was delivered more or less than once',
      `SELECT build_id, subjob_id, state, (SELECT count(*) FROM leases l WHERE l.build_id = s.build_id
       AND l.subjob_id = s.subjob_id AND l.state = 'DELIVERED') AS delivered FROM subjobs s
       WHERE delivered <> (state = 'DONE')`,
    );
    const overlapping = overlaps(db, world.masterClock);
    if (overlapping.length > 0) {
      diary.violation(
        `The store has more leases of one subjob that overlap than it may have: ${JSON.stringify(overlapping.slice(0, 5))}.`,
      );
    }
    none(
      'an attempt that was given twice',
      `SELECT build_id, subjob_id, attempt FROM leases GROUP BY 1, 2, 3 HAVING count(*) > 1`,
    );
  } finally {
    db.close();
  }
}

/**
 * Leases that were held at the same time as others of their subjob, beyond what its build allows: one beside another, none in a
 * build that is not speculative. Considers how far the master's clock was off at any time.
 */
function overlaps(db: { prepare(sql: string): { all(): unknown[] } }, clock: ClockShifts): unknown[] {
  const leases = db
    .prepare(
      `SELECT leases.*, coalesce(json_extract(builds.request, '$.speculative'), 1) AS beside
       FROM leases JOIN builds ON builds.id = leases.build_id`,
    )
    .all();
  const subjobs = new Map<string, unknown[]>();
  for (const lease of leases) {
    const subjob = `${column(lease, 'build_id')}/${column(lease, 'subjob_id')}`;
    subjobs.set(subjob, [...(subjobs.get(subjob) ?? []), lease]);
  }
  return [...subjobs.values()].flatMap((ofSubjob) =>
    ofSubjob.filter((lease) => {
      const taken = clock.momentsOf(Number(column(lease, 'taken_at'))).last;
      const held = ofSubjob.filter(
        (other) =>
          Number(column(other, 'attempt')) < Number(column(lease, 'attempt')) &&
          clock.momentsOf(Number(column(other, 'ended_at'))).first > taken,
      );
      return held.length > Number(column(lease, 'beside'));
    }),
  );
}

function column(row: unknown, name: string): unknown {
  return Reflect.get(Object(row), name);
}

/** A library may keep a closed file locked for a while, so the master's file is copied. */
function openCopy(world: World): Sqlite {
  const database = join(world.root, 'master', 'master', 'master.db');
  const copy = join(mkdtempSync(join(world.root, 'store-')), 'master.db');
  for (const suffix of ['', '-wal'].filter((one) => existsSync(`${database}${one}`))) {
    copyFileSync(`${database}${suffix}`, `${copy}${suffix}`);
  }
  return new Sqlite(copy, { readOnly: true });
}
