// After compiling: copies the library for other programs (`exports`), and no other module, to the folder that is packed. So
// the package does not depend on libraries that only the program uses, which has them in its bundle.
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const compiled = join(dist, 'src');
const library = join(dist, 'library');

rmSync(library, { recursive: true, force: true });
const wanted = ['.js', '.d.ts'].map((ending) => join(compiled, 'client', `index${ending}`));
for (const file of wanted) {
  cpSync(file, join(library, relative(compiled, file)));
  const ending = file.endsWith('.js') ? '.js' : '.d.ts';
  for (const [, name] of readFileSync(file, 'utf8').matchAll(
    /\b(?:from|import)\s*\(?\s*['"](\.[^'"]+)\.js['"]/g,
  )) {
    const imported = join(dirname(file), `${name}${ending}`);
    // The list grows during the iteration.
    if (!wanted.includes(imported) && existsSync(imported)) {
      wanted.push(imported);
    }
  }
}
