import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPackageJSON } from '../src/lib/package-json.js';

/* Refuses two files of the same name in src, so that a name alone leads to one file in an editor, a stack or a review. */

const src = join(dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`))), 'src');

/** Files whose name is given: by the subcommand that they run, or by the module system. */
const isNamedFromOutside = (file: string) =>
  dirname(file) === join('cli', 'commands') || basename(file) === 'index.ts';

const byName = new Map<string, string[]>();
for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
  if (file.endsWith('.ts') && !isNamedFromOutside(file)) {
    byName.set(basename(file), [...(byName.get(basename(file)) ?? []), file]);
  }
}
const problems = [...byName].filter(([, files]) => files.length > 1);
for (const [name, files] of problems) {
  process.stderr.write(
    `${name} occurs ${files.length} times: ${files.join(', ')}. Name each after what it holds.\n`,
  );
}
process.stdout.write(`${byName.size} names, ${problems.length} of them twice.\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
