// Before compiling: removes from dist what has no source any more, so that a deleted test does not go on running.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

for (const name of existsSync(dist) ? readdirSync(dist, { recursive: true, encoding: 'utf8' }) : []) {
  const source = /^(?!bundle\/|library\/)(.*?)(?:\.js|\.js\.map|\.d\.ts)$/.exec(name)?.[1];
  if (source !== undefined && !existsSync(join(root, `${source}.ts`))) {
    rmSync(join(dist, name));
  }
}
