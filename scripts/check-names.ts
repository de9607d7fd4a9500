import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPackageJSON } from '../src/lib/package-json.js';

/*
 * Refuses two files of the same name in src, and two exported definitions of the same name. So a name alone leads to one
 * place in an editor, a stack or a review.
 */

const src = join(dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`))), 'src');

/** Files whose name is given: by the subcommand that they run, or by the module system. */
const isNamedFromOutside = (file: string) =>
  dirname(file) === join('cli', 'commands') || basename(file) === 'index.ts';

const EXPORTED = /^export (?:async )?(?:function\*?|class|interface|type|const) (\w+)/gm;

const filesByName = new Map<string, Set<string>>();
const filesByExport = new Map<string, Set<string>>();
function note(found: Map<string, Set<string>>, name: string, file: string): void {
  found.set(name, (found.get(name) ?? new Set()).add(file));
}

for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
  if (/\.tsx?$/.test(file)) {
    if (!isNamedFromOutside(file)) {
      note(filesByName, basename(file).replace(/x$/, ''), file);
    }
    for (const [, name = ''] of readFileSync(join(src, file), 'utf8').matchAll(EXPORTED)) {
      note(filesByExport, name, file);
    }
  }
}
const problems = [...filesByName, ...filesByExport].filter(([, files]) => files.size > 1);
for (const [name, files] of problems) {
  process.stderr.write(
    `${name} occurs ${files.size} times: ${[...files].join(', ')}. Name each after what it holds.\n`,
  );
}
process.stdout.write(
  `${filesByName.size} files and ${filesByExport.size} exports, ${problems.length} names twice.\n`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
