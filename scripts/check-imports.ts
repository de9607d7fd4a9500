import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPackageJSON } from '../src/lib/package-json.js';

/* Checks the code against two tables of docs/architecture.md: its import rules and its restricted packages. */

const root = dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`)));
const page = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8');

/** The rows `| \`key\` | \`a\`, \`b\` |` below a heading; a name with `(types only)` behind it is `type a`. */
function tableBelow(heading: string): Map<string, Set<string>> {
  const section = page.split(/^#+ /m).find((part) => part.startsWith(heading));
  const rows = section?.matchAll(/^\| `([^`]+)` \| (.*?) \|/gm) ?? [];
  return new Map(
    [...rows].map(([, key = '', list = '']) => [
      key,
      new Set(
        [...list.matchAll(/`([^`]+)`( \(types only\))?/g)].map(([, name = '', types]) =>
          types === undefined ? name : `type ${name}`,
        ),
      ),
    ]),
  );
}

const importRules = tableBelow('Import rules');
const restricted = tableBelow('Restricted packages');
if (importRules.size === 0 || restricted.size === 0) {
  throw new Error('docs/architecture.md has lost its import rules or its restricted packages.');
}

interface Import {
  readonly name: string;
  /** Whether nothing of it remains in the compiled code. */
  readonly isOfTypes: boolean;
}

/** Finds imports with `from`, imports for their side effects, and calls of `import()` and `require()`. */
function importsOf(text: string): Import[] {
  const found = text.matchAll(
    /^\s*(?:import|export)\b(\s+type\b)?(?:[^;'"]*?\bfrom)?\s*['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]/gm,
  );
  return [...found].map(([, type, from, called]) => ({
    name: from ?? called ?? '',
    isOfTypes: type !== undefined,
  }));
}

/** `@koa/router` of `@koa/router/x`, `child_process` of `node:child_process`. */
function packageOf(name: string): string {
  const parts = name.replace(/^node:/, '').split('/');
  return parts.slice(0, name.startsWith('@') ? 2 : 1).join('/');
}

function moduleOf(file: string): string {
  return relative(join(root, 'src'), file).split('/')[0] ?? '';
}

function problemsOf(file: string): string[] {
  const module = moduleOf(file);
  const allowed = importRules.get(module);
  const where = relative(root, file);
  if (allowed === undefined) {
    return [`${where}: the module ${module} is not in the import rules of docs/architecture.md.`];
  }
  return importsOf(readFileSync(file, 'utf8')).flatMap(({ name, isOfTypes }) => {
    if (name.startsWith('.')) {
      const target = moduleOf(join(dirname(file), name));
      if (target === module || allowed.has(target) || (isOfTypes && allowed.has(`type ${target}`))) {
        return [];
      }
      const what = allowed.has(`type ${target}`) ? `more than types of ${target}` : target;
      return [`${where}: ${module} may not import ${what} (${name}).`];
    }
    const folders = [...(restricted.get(packageOf(name)) ?? [])];
    return folders.length === 0 || folders.some((folder) => where.startsWith(`src/${folder}/`))
      ? []
      : [`${where}: ${name} may only be imported in ${folders.join(', ')}.`];
  });
}

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => join(root, 'src', name));
const problems = files.flatMap(problemsOf);
for (const problem of problems) {
  process.stderr.write(`${problem}\n`);
}
process.stdout.write(`${files.length} files, ${problems.length} forbidden imports.\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
