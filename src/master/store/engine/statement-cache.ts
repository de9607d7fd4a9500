import type { SqliteDatabase } from 'kysely';
import type { Sqlite, SqliteStatement } from './sqlite.js';

/** All that the master asks often are fewer; what is asked once, with a list of its own, pushes nothing out for long. */
const MOST_STATEMENTS = 300;

/**
 * The database as Kysely wants it, with statements that are prepared once and not at each use: preparing costs more
 * than most of them do. Kysely runs each to its end before the next, so none is ever in use twice; only streaming
 * would break that, and nothing streams.
 */
export function cachingStatements(sqlite: Sqlite): SqliteDatabase {
  const cache = new Map<string, SqliteStatement>();
  return {
    close: () => sqlite.close(),
    prepare(text) {
      const known = cache.get(text);
      const statement = known ?? sqlite.prepare(text);
      // What was used last goes last.
      cache.delete(text);
      cache.set(text, statement);
      if (cache.size > MOST_STATEMENTS) {
        const [oldest] = cache.keys();
        cache.delete(oldest ?? text);
      }
      return statement;
    },
  };
}
