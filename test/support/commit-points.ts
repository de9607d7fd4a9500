import { SqliteStatement } from '../../src/master/store/engine/sqlite.js';

/**
 * Calls `look` right before and after every commit of any database in this process while `during` runs. The disk
 * then holds what a process leaves that is killed at that point. A commit fails with the error that `look` throws
 * before it.
 */
export async function atCommitPoints<T>(
  look: (when: 'before' | 'after') => void,
  during: () => Promise<T>,
): Promise<T> {
  // All statements share it, even those prepared before.
  const statements = SqliteStatement.prototype;
  const { run } = statements;
  statements.run = function runAndLook(this: SqliteStatement, values?: readonly unknown[]) {
    if (this.source !== 'commit') {
      return run.call(this, values);
    }
    look('before');
    const result = run.call(this, values);
    look('after');
    return result;
  };
  try {
    return await during();
  } finally {
    statements.run = run;
  }
}
