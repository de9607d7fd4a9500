import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { hasCode } from '../../lib/error-code.js';
import { findPackageJSON } from '../../lib/package-json.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';

const LIBRARY = 'better-sqlite3';
const TOOLS = 'a C++ compiler, make and Python 3';

/**
 * Loads SQLite, which is native code and an optional dependency: npm leaves it out where it can neither fetch nor build
 * it, and does not build it with `--ignore-scripts`. To be called before the store is imported.
 * @throws ClusterRunnerError UNAVAILABLE that says what to install
 */
export function requireNativeLibrary(load = loadSqlite): void {
  try {
    load();
  } catch (error) {
    throw new ClusterRunnerError('UNAVAILABLE', sentenceFor(error), { cause: error });
  }
}

function loadSqlite(): void {
  const SQLite: new (path: string) => { close(): void } = createRequire(import.meta.url)(LIBRARY);
  // The native part is loaded by the first database.
  new SQLite(':memory:').close();
}

function sentenceFor(error: unknown): string {
  const { node } = process.versions;
  const here = `Node ${node} on ${process.platform} ${process.arch}`;
  const folder = dirname(findPackageJSON(import.meta.url));
  if (hasCode(error, 'ERR_DLOPEN_FAILED')) {
    const [reason = ''] = messageOf(error).split('\n');
    return (
      `SQLite (${LIBRARY}), which a master needs, was built for another version of Node or another system than ` +
      `${here} (${reason}); run \`npm rebuild ${LIBRARY}\` in ${folder}, or install ClusterRunner again.`
    );
  }
  return (
    `SQLite (${LIBRARY}), which a master needs, is not installed: npm could neither fetch its native part for ${here} ` +
    `from https://github.com nor build it, or did not run install scripts; make GitHub reachable or install ${TOOLS}, ` +
    `then install ClusterRunner again (npm install or npm ci in ${folder}, or npm install --global), with install scripts allowed.`
  );
}
