import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPackageJSON } from '../src/lib/package-json.js';

/*
 * Holds the code to the table of docs/architecture.md that says which room may import which, and to its list of
 * packages that only one room may import.
 */

const root = dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`)));
const page = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8');

/** Rows `| \`room\` | \`a\`, \`b\` |` below a heading. */
function tableBelow(heading: string): Map<string, Set<string>> {
  const section = page.split(/^#+ /m).find((part) => part.startsWith(heading));
  const rows = section?.matchAll(/^\| `([^`]+)` \| (.*?) \|/gm) ?? [];
  return new Map(
    [...rows].map(([, key = '', list = '']) => [
      key,
      new Set([...list.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)),
    ]),
  );
}

const mayImport = tableBelow('Who may import whom');
const onlyIn = tableBelow('Packages with one door');
if (mayImport.size === 0 || onlyIn.size === 0) {
  throw new Error('docs/architecture.md has lost its table of imports or of packages.');
}

/** With `from`, for its effect alone, and by a call. */
function importsOf(text: string): string[] {
  const found = text.matchAll(
    /^\s*(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]/gm,
  );
  return [...found].map(([, from, called]) => from ?? called ?? '');
}

/** `kysely` of `kysely/helpers/sqlite`, `@koa/router` of `@koa/router/x`, `child_process` of `node:child_process`. */
function packageOf(name: string): string {
  const parts = name.replace(/^node:/, '').split('/');
  return parts.slice(0, name.startsWith('@') ? 2 : 1).join('/');
}

function roomOf(file: string): string {
  return relative(join(root, 'src'), file).split('/')[0] ?? '';
}

function problemsOf(file: string): string[] {
  const room = roomOf(file);
  const allowed = mayImport.get(room);
  const where = relative(root, file);
  if (allowed === undefined) {
    return [`${where}: the room ${room} is not in the table of docs/architecture.md.`];
  }
  return importsOf(readFileSync(file, 'utf8')).flatMap((name) => {
    if (name.startsWith('.')) {
      const target = roomOf(join(dirname(file), name));
      return target === room || allowed.has(target) || allowed.has('everything')
        ? []
        : [`${where}: ${room} may not import ${target} (${name}).`];
    }
    const door = onlyIn.get(packageOf(name));
    const isInside = door === undefined || [...door].some((folder) => where.startsWith(`src/${folder}/`));
    return isInside ? [] : [`${where}: ${name} may only be imported in ${[...(door ?? [])].join(', ')}.`];
  });
}

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(root, 'src', name));
const problems = files.flatMap(problemsOf);
for (const problem of problems) {
  process.stderr.write(`${problem}\n`);
}
process.stdout.write(`${files.length} files, ${problems.length} forbidden imports.\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
