import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BENCHES } from './support/benches.js';

/*
 * Runs all benches one after another, each in a process of its own.
 *
 *   npm run bench [-- [--quick] [--json FOLDER] [NAME ...]]
 */

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'string' } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !BENCHES.includes(name));
if (unknown !== undefined) {
  throw new Error(`There is no bench "${unknown}"; there are ${BENCHES.join(', ')}.`);
}
if (values.json !== undefined) {
  mkdirSync(values.json, { recursive: true });
}
for (const name of positionals.length > 0 ? positionals : BENCHES) {
  const args = [
    ...(values.quick ? ['--quick'] : []),
    ...(values.json === undefined ? [] : ['--json', join(values.json, `${name}.json`)]),
  ];
  const file = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'exit');
  process.stdout.write('\n');
  if (code !== 0) {
    process.exitCode = 1;
  }
}
