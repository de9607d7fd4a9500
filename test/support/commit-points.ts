import SQLite from 'better-sqlite3';

/**
 * Calls `look` right before and right after every commit of any database in this process while `during` runs: what
 * is on the disk then is what a process leaves that is killed there. A commit fails with what `look` throws before it.
 */
export async function atCommitPoints<T>(
  look: (when: 'before' | 'after') => void,
  during: () => Promise<T>,
): Promise<T> {
  const memory = new SQLite(':memory:');
  // All statements share it, also those that were prepared before.
  const statements: SQLite.Statement<unknown[]> = Object.getPrototypeOf(memory.prepare('SELECT 1'));
  memory.close();
  const { run } = statements;
  statements.run = function runAndLook(this: SQLite.Statement<unknown[]>, ...parameters: unknown[]) {
    if (this.source !== 'commit') {
      return run.apply(this, parameters);
    }
    look('before');
    const result = run.apply(this, parameters);
    look('after');
    return result;
  };
  try {
    return await during();
  } finally {
    statements.run = run;
  }
}
