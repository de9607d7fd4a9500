import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPackageJSON } from '../src/lib/package-json.js';

/* Refuses wording that CONTRIBUTING.md rules out. Single words are the business of cspell: `flagWords` in cspell.json. */

const root = dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`)));

const rules: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/\bfor ever\b/gi, 'Write "forever" or "indefinitely".'],
  [/\bhand(?:s|ed)? back\b/gi, 'Write "return".'],
  [/\b(?:one|same) breath\b/gi, 'Write "the same turn of the event loop".'],
];

function problemsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return rules.flatMap(([pattern, advice]) =>
    [...text.matchAll(pattern)].map(({ 0: found, index }) => {
      const line = text.slice(0, index).split('\n').length;
      return `${file}:${line} - "${found.trim()}". ${advice}`;
    }),
  );
}

const files = ['.', 'bench', 'docs', 'scripts', 'src', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: folder !== '.', encoding: 'utf8' })
    .filter((name) => (folder === '.' ? name.endsWith('.md') : /\.(?:tsx?|mjs|sh|md|css|html)$/.test(name)))
    .map((name) => join(folder, name)),
);
const problems = files.filter((file) => file !== 'scripts/check-wording.ts').flatMap(problemsOf);
for (const problem of problems) {
  process.stderr.write(`${problem}\n`);
}
process.stdout.write(`${files.length} files, ${problems.length} times with ruled out wording.\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
