import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Mode and content of every file below the folder, `.git` included, to check that none has changed. */
export function filesOf(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    const { mode } = lstatSync(path);
    const isLink = lstatSync(path).isSymbolicLink();
    const content = isLink ? readlinkSync(path) : lstatSync(path).isFile() ? readFileSync(path) : '';
    files[name] = `${mode.toString(8)} ${createHash('sha1').update(content).digest('hex')}`;
  }
  return files;
}
