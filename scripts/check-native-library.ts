import { requireNativeLibrary } from '../src/master/store/native-library.js';
import { messageOf } from '../src/protocol/errors.js';

/* Before the tests: without SQLite most of them would end in a stack each, and none would say what is missing. */

try {
  requireNativeLibrary();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 2;
}
