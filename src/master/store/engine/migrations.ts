import { readRows, text } from './columns.js';
import type { Sqlite } from './sqlite.js';

/**
 * The schema's history: statements by migration. A migration that was released is never changed; the next one is added
 * below it, with a name that sorts after it. Which have been applied is recorded in `kysely_migration`, named after the
 * library that applied them in earlier versions.
 */
const migrations: Readonly<Record<string, readonly string[]>> = {
  '0001_first': [
    // AUTOINCREMENT: an id is never given twice, not even when the newest row was deleted.
    `CREATE TABLE builds (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      request TEXT NOT NULL,
      state TEXT NOT NULL,
      timestamps TEXT NOT NULL,
      job TEXT,
      commit_hash TEXT,
      num_atoms INTEGER,
      num_subjobs INTEGER,
      num_subjobs_done INTEGER NOT NULL DEFAULT 0,
      num_atoms_done INTEGER NOT NULL DEFAULT 0,
      num_atoms_failed INTEGER NOT NULL DEFAULT 0,
      num_atoms_lost INTEGER NOT NULL DEFAULT 0,
      num_atoms_flaky INTEGER NOT NULL DEFAULT 0,
      error_message TEXT,
      ended_at INTEGER,
      attempt INTEGER NOT NULL DEFAULT 0,
      lease_id INTEGER,
      losses TEXT NOT NULL DEFAULT '[]'
    ) STRICT`,
    `CREATE INDEX builds_unfinished ON builds (id) WHERE state IN ('QUEUED', 'PREPARING', 'BUILDING')`,
    'CREATE INDEX builds_ended ON builds (ended_at, id) WHERE ended_at IS NOT NULL',
    `CREATE TABLE subjobs (
      build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
      subjob_id INTEGER NOT NULL,
      state TEXT NOT NULL,
      num_atoms INTEGER NOT NULL,
      expected_time REAL,
      attempt INTEGER NOT NULL DEFAULT 0,
      lease_id INTEGER,
      losses TEXT NOT NULL DEFAULT '[]',
      error TEXT,
      result_index TEXT,
      PRIMARY KEY (build_id, subjob_id)
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE atoms (
      build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
      atom_id INTEGER NOT NULL,
      subjob_id INTEGER NOT NULL,
      variable TEXT NOT NULL,
      value TEXT NOT NULL,
      state TEXT NOT NULL DEFAULT 'NOT_STARTED',
      exit_code INTEGER,
      expected_time REAL,
      actual_time REAL,
      failed INTEGER,
      num_retries INTEGER NOT NULL DEFAULT 0,
      first_subjob_id INTEGER,
      PRIMARY KEY (build_id, atom_id)
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX atoms_of_subjob ON atoms (build_id, subjob_id)',
    'CREATE INDEX atoms_failed ON atoms (build_id, atom_id) WHERE failed = 1',
    'CREATE INDEX atoms_retried ON atoms (build_id, atom_id) WHERE num_retries > 0',
    `CREATE TABLE leases (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
      subjob_id INTEGER,
      attempt INTEGER NOT NULL,
      slave_id INTEGER NOT NULL,
      executor_index INTEGER,
      state TEXT NOT NULL,
      taken_at INTEGER NOT NULL,
      ended_at INTEGER
    ) STRICT`,
    `CREATE INDEX leases_held ON leases (build_id) WHERE state = 'HELD'`,
    'CREATE INDEX leases_of_build ON leases (build_id)',
    `CREATE TABLE slaves (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      instance TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      url TEXT,
      num_executors INTEGER NOT NULL,
      version TEXT NOT NULL,
      state TEXT NOT NULL,
      changed_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE TABLE timings (
      project TEXT NOT NULL,
      job TEXT NOT NULL,
      atom TEXT NOT NULL,
      seconds REAL NOT NULL,
      count INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      PRIMARY KEY (project, job, atom)
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE nonces (nonce TEXT PRIMARY KEY, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    'CREATE INDEX nonces_by_expiry ON nonces (expires)',
    `CREATE TABLE events (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      time INTEGER NOT NULL,
      kind TEXT NOT NULL,
      data TEXT NOT NULL
    ) STRICT`,
    'CREATE INDEX events_by_time ON events (time)',
    // Without statistics SQLite takes a build to have a dozen atoms, and looks through all of them for those of one
    // subjob. These say what large builds are like; nothing else writes statistics, so plans stay as they are.
    'ANALYZE',
    `INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
      ('atoms', 'atoms', '10000000 100000 1'),
      ('atoms', 'atoms_of_subjob', '10000000 100000 10 1'),
      ('atoms', 'atoms_failed', '1000 100 1'),
      ('atoms', 'atoms_retried', '1000 100 1'),
      ('leases', 'leases_of_build', '1000000 10000'),
      ('leases', 'leases_held', '10000 1000')`,
    'ANALYZE sqlite_schema',
  ],
  '0002_draining': ['ALTER TABLE slaves ADD COLUMN draining INTEGER NOT NULL DEFAULT 0'],
  '0003_spread': [
    // Earlier versions kept only the mean. It is taken for one run without variation.
    'ALTER TABLE timings ADD COLUMN variance REAL NOT NULL DEFAULT 0',
    'UPDATE timings SET count = 1',
    'ALTER TABLE atoms ADD COLUMN expected_deviation REAL',
    'ALTER TABLE subjobs ADD COLUMN expected_deviation REAL',
    'ALTER TABLE builds ADD COLUMN planned_executors INTEGER',
  ],
  '0004_result_facts': [
    'ALTER TABLE atoms ADD COLUMN facts TEXT',
    'ALTER TABLE builds ADD COLUMN facts TEXT',
  ],
  '0005_assumed': [
    'ALTER TABLE builds ADD COLUMN assumed_seconds REAL',
    // As for atoms above: without it SQLite scans all subjobs of a build for each one that is regrouped.
    `INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('subjobs', 'subjobs', '1000000 10000 1')`,
    'ANALYZE sqlite_schema',
  ],
  '0006_lists_of_nonces': [
    'ALTER TABLE nonces RENAME TO single_nonces',
    'CREATE TABLE nonces (expires INTEGER NOT NULL, nonces TEXT NOT NULL) STRICT',
    `INSERT INTO nonces (expires, nonces)
     SELECT expires, json_group_array(nonce) FROM single_nonces GROUP BY expires`,
    'DROP TABLE single_nonces',
    'CREATE INDEX nonces_by_expiry ON nonces (expires)',
  ],
  '0007_revision': ['ALTER TABLE builds ADD COLUMN revision TEXT'],
  '0008_verdicts_kept': [
    'ALTER TABLE atoms ADD COLUMN lease_id INTEGER',
    'ALTER TABLE atoms ADD COLUMN began_at INTEGER',
    'ALTER TABLE atoms ADD COLUMN kept_subjob_id INTEGER',
  ],
  '0009_listed_request': [
    `ALTER TABLE builds ADD COLUMN listed_request TEXT NOT NULL DEFAULT '{}'`,
    `UPDATE builds SET listed_request = json_remove(request, '$.config', '$.atoms_override')`,
  ],
  '0010_protocol': [
    // Slaves of earlier versions speak protocol 1, and their leases have no token.
    'ALTER TABLE slaves ADD COLUMN protocol INTEGER NOT NULL DEFAULT 1',
    `ALTER TABLE leases ADD COLUMN token TEXT NOT NULL DEFAULT ''`,
  ],
  '0011_stopping': [
    'ALTER TABLE builds ADD COLUMN stopping TEXT',
    `CREATE INDEX atoms_interrupted ON atoms (build_id, atom_id) WHERE state = 'INTERRUPTED'`,
  ],
  '0012_stopping_state': ['ALTER TABLE builds ADD COLUMN stopping_state TEXT'],
  '0013_start_times': [
    'ALTER TABLE atoms ADD COLUMN started_at INTEGER',
    'ALTER TABLE atoms ADD COLUMN retried_seconds REAL NOT NULL DEFAULT 0',
    'ALTER TABLE leases ADD COLUMN slave_executor INTEGER',
    'ALTER TABLE leases ADD COLUMN setup_began_at INTEGER',
    'ALTER TABLE leases ADD COLUMN setup_seconds REAL',
  ],
  '0014_history': [
    `CREATE TABLE jobs (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      project TEXT NOT NULL,
      name TEXT NOT NULL,
      atom_variables TEXT NOT NULL DEFAULT '[]',
      num_builds INTEGER NOT NULL DEFAULT 0,
      num_atoms INTEGER NOT NULL DEFAULT 0,
      last_build_id INTEGER NOT NULL DEFAULT 0,
      pass_rate REAL,
      p50_seconds REAL,
      p95_seconds REAL,
      UNIQUE (project, name)
    ) STRICT`,
    'CREATE INDEX jobs_by_last_build ON jobs (last_build_id)',
    `CREATE TABLE job_builds (
      job_id INTEGER NOT NULL REFERENCES jobs (id),
      build_id INTEGER NOT NULL,
      state TEXT NOT NULL,
      is_partial INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      started_at INTEGER,
      ended_at INTEGER NOT NULL,
      num_atoms INTEGER,
      num_done INTEGER NOT NULL,
      num_failed INTEGER NOT NULL,
      num_lost INTEGER NOT NULL,
      num_flaky INTEGER NOT NULL,
      retry_seconds REAL NOT NULL DEFAULT 0,
      code TEXT,
      commit_hash TEXT,
      branch TEXT,
      subject TEXT,
      has_changes INTEGER,
      requested_by TEXT,
      PRIMARY KEY (job_id, build_id)
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX job_builds_by_end ON job_builds (ended_at)',
    `CREATE TABLE atom_histories (
      id INTEGER PRIMARY KEY,
      job_id INTEGER NOT NULL REFERENCES jobs (id),
      name TEXT NOT NULL,
      runs INTEGER NOT NULL,
      failures INTEGER NOT NULL,
      flaky INTEGER NOT NULL,
      retry_seconds REAL NOT NULL,
      recent_retry_seconds REAL NOT NULL,
      flakiness REAL NOT NULL,
      slowness INTEGER NOT NULL,
      failing_since INTEGER,
      failing_since_minute INTEGER,
      broken_since INTEGER,
      last_passed INTEGER,
      first_seen INTEGER NOT NULL,
      first_seen_minute INTEGER NOT NULL,
      last_week INTEGER NOT NULL,
      newest_runs TEXT NOT NULL,
      days TEXT NOT NULL,
      UNIQUE (job_id, name)
    ) STRICT`,
    // Most atoms neither fail nor are flaky, so the first four have few entries. The others change seldom.
    'CREATE INDEX atom_histories_flaky ON atom_histories (job_id, flakiness) WHERE flakiness > 0',
    'CREATE INDEX atom_histories_failing ON atom_histories (job_id, failing_since) WHERE failing_since IS NOT NULL',
    'CREATE INDEX atom_histories_broken ON atom_histories (job_id, broken_since) WHERE broken_since IS NOT NULL',
    `CREATE INDEX atom_histories_retried ON atom_histories (job_id, recent_retry_seconds)
     WHERE recent_retry_seconds > 0`,
    'CREATE INDEX atom_histories_slow ON atom_histories (job_id, slowness)',
    'CREATE INDEX atom_histories_by_week ON atom_histories (last_week)',
    `CREATE TABLE unrecorded_builds (
      build_id INTEGER PRIMARY KEY REFERENCES builds (id) ON DELETE CASCADE,
      is_partial INTEGER NOT NULL,
      job_id INTEGER,
      next_atom INTEGER NOT NULL DEFAULT 0
    ) STRICT`,
    // Earlier versions kept no history.
    `INSERT INTO unrecorded_builds (build_id, is_partial)
     SELECT id, json_type(request, '$.atoms_override') IS NOT NULL FROM builds WHERE ended_at IS NOT NULL`,
  ],
  '0015_failure_groups': [
    `CREATE TABLE failure_groups (
      build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
      key TEXT NOT NULL,
      lines TEXT NOT NULL,
      PRIMARY KEY (build_id, key)
    ) STRICT, WITHOUT ROWID`,
    'ALTER TABLE atoms ADD COLUMN failure_key TEXT',
    // With everything that counting the atoms of each group needs.
    `CREATE INDEX atoms_in_groups ON atoms (build_id, failure_key, atom_id, state, kept_subjob_id, exit_code)
     WHERE failure_key IS NOT NULL`,
    `CREATE INDEX atoms_in_no_group ON atoms (build_id, atom_id, exit_code)
     WHERE failed = 1 AND failure_key IS NULL`,
    `INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
      ('atoms', 'atoms_in_groups', '1000 100 10 1 1 1 1'),
      ('atoms', 'atoms_in_no_group', '100 10 1 1')`,
    'ANALYZE sqlite_schema',
  ],
  '0016_retried_runs': [
    `CREATE TABLE retried_runs (
      build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
      atom_id INTEGER NOT NULL,
      run INTEGER NOT NULL,
      lease_id INTEGER,
      started_at INTEGER NOT NULL,
      actual_time REAL NOT NULL,
      PRIMARY KEY (build_id, atom_id, run)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX leases_with_bars ON leases (build_id, id)
     WHERE slave_executor IS NOT NULL AND (setup_seconds IS NOT NULL OR state IN ('LOST', 'HANDED_BACK', 'CANCELED'))`,
    `INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('leases', 'leases_with_bars', '1000 100 1')`,
    'ANALYZE sqlite_schema',
  ],
  '0017_minute_loads': [
    `CREATE TABLE minute_loads (
      minute INTEGER PRIMARY KEY,
      executors REAL NOT NULL,
      busy REAL NOT NULL,
      waiting REAL NOT NULL
    ) STRICT`,
  ],
  '0018_affected_atoms': [
    'ALTER TABLE builds ADD COLUMN affected TEXT',
    'ALTER TABLE builds ADD COLUMN affected_atoms TEXT',
  ],
  '0019_recorded_passes': [
    `CREATE TABLE recorded_passes (
      scope TEXT NOT NULL,
      atom TEXT NOT NULL,
      key TEXT NOT NULL,
      build_id INTEGER,
      atom_id INTEGER,
      passed_at INTEGER,
      failed_at INTEGER,
      noted_at INTEGER NOT NULL,
      PRIMARY KEY (scope, atom, key)
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX recorded_passes_by_age ON recorded_passes (noted_at)',
    'ALTER TABLE atoms ADD COLUMN pass_key TEXT',
    'ALTER TABLE atoms ADD COLUMN cached_build_id INTEGER',
    'ALTER TABLE atoms ADD COLUMN cached_atom_id INTEGER',
    'ALTER TABLE atoms ADD COLUMN not_cached TEXT',
    'ALTER TABLE builds ADD COLUMN surroundings TEXT',
    'ALTER TABLE builds ADD COLUMN num_atoms_cached INTEGER NOT NULL DEFAULT 0',
    // As for atoms above.
    `INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
      ('recorded_passes', 'recorded_passes', '1000000 10000 2 1'),
      ('recorded_passes', 'recorded_passes_by_age', '1000000 100')`,
    'ANALYZE sqlite_schema',
  ],
};

/** All of them, in the order in which they are applied. */
export const migrationNames: readonly string[] = Object.keys(migrations);

/** The migrations that were applied to this database, in order. */
export function appliedMigrations(sqlite: Sqlite): string[] {
  const tables = sqlite.prepare(`SELECT name FROM sqlite_schema WHERE name = 'kysely_migration'`).all();
  return tables.length === 0
    ? []
    : readRows(sqlite.prepare('SELECT name FROM kysely_migration ORDER BY name').all(), { name: text }).map(
        ({ name }) => name,
      );
}

/** Brings the schema up to date, or to `last`, each step in a transaction of its own. */
export function migrate(sqlite: Sqlite, last = migrationNames.at(-1) ?? ''): void {
  const applied = new Set(appliedMigrations(sqlite));
  sqlite.execute(`
    CREATE TABLE IF NOT EXISTS kysely_migration (
      name VARCHAR(255) NOT NULL PRIMARY KEY, timestamp VARCHAR(255) NOT NULL)`);
  for (const [name, statements] of Object.entries(migrations)) {
    if (!applied.has(name) && name <= last) {
      const record = `INSERT INTO kysely_migration VALUES ('${name}', datetime('now'))`;
      sqlite.execute(['BEGIN', ...statements, record, 'COMMIT'].join(';\n'));
    }
  }
}
