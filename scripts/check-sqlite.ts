import { requireSqlite } from '../src/master/store/engine/require-sqlite.js';
import { messageOf } from '../src/protocol/errors.js';

/* Before the tests: without SQLite most of them would fail with a stack trace, and none would say what is missing. */

try {
  requireSqlite();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 2;
}
