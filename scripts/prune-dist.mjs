// Before compiling: removes files without a source from dist, so that deleted tests are not run.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

for (const name of existsSync(dist) ? readdirSync(dist, { recursive: true, encoding: 'utf8' }) : []) {
  const source = /^(?!bundle\/|library\/|dashboard\/|report\/)(.*?)(?:\.js|\.js\.map|\.d\.ts)$/.exec(
    name,
  )?.[1];
  if (source !== undefined && !existsSync(join(root, `${source}.ts`))) {
    rmSync(join(dist, name));
  }
}
