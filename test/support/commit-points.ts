import SQLite from 'better-sqlite3';

/**
 * Calls `look` right before and right after every commit of any database in this process while `during` runs: what
 * is on the disk then is what a process leaves that is killed there.
 */
export async function atCommitPoints<T>(
  look: (when: 'before' | 'after') => void,
  during: () => Promise<T>,
): Promise<T> {
  const { prepare } = SQLite.prototype;
  const value = function prepareAndLook(this: SQLite.Database, source: string) {
    const statement = prepare.call<SQLite.Database, [string], SQLite.Statement<unknown[]>>(this, source);
    if (source === 'commit') {
      const run = statement.run.bind(statement);
      statement.run = (...parameters: unknown[]) => {
        look('before');
        const result = run(...parameters);
        look('after');
        return result;
      };
    }
    return statement;
  };
  Object.defineProperty(SQLite.prototype, 'prepare', { value, configurable: true, writable: true });
  try {
    return await during();
  } finally {
    SQLite.prototype.prepare = prepare;
  }
}
