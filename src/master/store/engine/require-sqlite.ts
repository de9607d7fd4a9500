import { dirname } from 'node:path';
import { hasCode } from '../../../lib/error-code.js';
import { findPackageJSON } from '../../../lib/package-json.js';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { builtin, loadPackage } from './sqlite.js';

const LIBRARY = '@photostructure/sqlite';
/** The first that has a `node:sqlite` with all that is used of it. */
const NODE_WITH_SQLITE = '22.16';

/**
 * Makes sure that a master has SQLite. Where this Node has none it needs a package with native code, an optional
 * dependency that brings this code for Linux and macOS on x64 and arm64.
 * @throws ClusterRunnerError UNAVAILABLE that says what to install
 */
export function requireSqlite(hasBuiltin = builtin() !== null, load: () => unknown = loadPackage): void {
  if (hasBuiltin) {
    return;
  }
  try {
    load();
  } catch (error) {
    throw new ClusterRunnerError('UNAVAILABLE', messageFor(error), { cause: error });
  }
}

function messageFor(error: unknown): string {
  const { node } = process.versions;
  const here = `Node ${node} on ${process.platform} ${process.arch}`;
  const folder = dirname(findPackageJSON(import.meta.url));
  if (hasCode(error, 'ERR_DLOPEN_FAILED')) {
    const [reason = ''] = messageOf(error).split('\n');
    return (
      `SQLite (${LIBRARY}), which a master needs, cannot be loaded by ${here} (${reason}); install ClusterRunner again ` +
      `on this machine, build it with a C++ compiler, make and Python 3 (\`npm rebuild ${LIBRARY}\` in ${folder}), ` +
      `or use Node ${NODE_WITH_SQLITE} or later, which has SQLite built in.`
    );
  }
  return (
    `SQLite (${LIBRARY}), which a master needs, is not installed; use Node ${NODE_WITH_SQLITE} or later, which has SQLite ` +
    `built in, or install ClusterRunner again with its optional dependencies (\`npm ci --include=optional\` in ${folder}, ` +
    'or `npm install --global` without `--omit=optional`).'
  );
}
