// Runs the tests on another version of Node than the one that is installed:
//   npm run test:node -- VERSION [arguments of mocha]
// e.g. `npm run test:node -- 24`, or `npm run test:node -- 26 dist/test/unit/lib/clock.test.js`.
// Node comes from the npm registry, in packages that hold its program for one system each.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const ALL_TESTS = ['--parallel', '--jobs', '3', 'dist/test/**/*.test.js'];

const [version, ...args] = process.argv.slice(2);
if (version === undefined || !/^\d+(\.\d+){0,2}$/.test(version)) {
  process.stderr.write(
    'Usage: npm run test:node -- VERSION [arguments of mocha], with a VERSION like 24 or 22.16.0\n',
  );
  process.exit(2);
}

const name = `node-${process.platform}-${process.arch}`;
const prefix = join(root, 'node_modules', '.cache', 'node', version);
const bin = join(prefix, 'node_modules', name, 'bin');
if (!existsSync(join(bin, 'node'))) {
  const install = ['install', '--prefix', prefix, '--no-save', '--ignore-scripts', `${name}@${version}`];
  exitUnlessDone(spawnSync('npm', install, { stdio: 'inherit' }));
}
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
const tests = args.length > 0 ? args : ALL_TESTS;
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
exitUnlessDone(spawnSync(join(bin, 'node'), [mocha, ...tests], { cwd: root, env, stdio: 'inherit' }));

function exitUnlessDone({ status, error }) {
  if (error !== undefined) {
    throw error;
  }
  if (status !== 0) {
    process.exit(status ?? 1);
  }
}
