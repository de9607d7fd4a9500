import { dirname } from 'node:path';
import { hasCode } from '../../../lib/error-code.js';
import { findPackageJSON } from '../../../lib/package-json.js';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { builtin, loadPackage } from './sqlite.js';

const LIBRARY = 'better-sqlite3';
const TOOLS = 'a C++ compiler, make and Python 3';
/** The first that has a `node:sqlite` with all that is used of it. */
const NODE_WITH_SQLITE = '22.16';

/**
 * Makes sure that a master has SQLite. Where this Node has none it needs a package with native code, an optional
 * dependency: npm leaves it out where it can neither fetch nor build it, and does not build it with `--ignore-scripts`.
 * @throws ClusterRunnerError UNAVAILABLE that says what to install
 */
export function requireSqlite(hasBuiltin = builtin() !== null, load: () => unknown = loadPackage): void {
  if (hasBuiltin) {
    return;
  }
  try {
    load();
  } catch (error) {
    throw new ClusterRunnerError('UNAVAILABLE', sentenceFor(error), { cause: error });
  }
}

function sentenceFor(error: unknown): string {
  const { node } = process.versions;
  const here = `Node ${node} on ${process.platform} ${process.arch}`;
  const folder = dirname(findPackageJSON(import.meta.url));
  if (hasCode(error, 'ERR_DLOPEN_FAILED')) {
    const [reason = ''] = messageOf(error).split('\n');
    return (
      `SQLite (${LIBRARY}), which a master needs, was built for another version of Node or another system than ` +
      `${here} (${reason}); run \`npm rebuild ${LIBRARY}\` in ${folder}, install ClusterRunner again, or use Node ` +
      `${NODE_WITH_SQLITE} or later, which has SQLite built in.`
    );
  }
  return (
    `SQLite (${LIBRARY}), which a master needs, is not installed: npm could neither fetch its native part for ${here} ` +
    `from https://github.com nor build it, or did not run install scripts; use Node ${NODE_WITH_SQLITE} or later, which ` +
    `has SQLite built in, or make GitHub reachable or install ${TOOLS}, ` +
    `then install ClusterRunner again (npm install or npm ci in ${folder}, or npm install --global), with install scripts allowed.`
  );
}
