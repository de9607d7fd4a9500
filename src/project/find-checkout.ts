import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Whether the folder is in a git checkout; needs no git. */
export function isInCheckout(folder: string): boolean {
  for (let here = resolve(folder); ; here = dirname(here)) {
    if (existsSync(join(here, '.git'))) {
      return true;
    }
    if (here === dirname(here)) {
      return false;
    }
  }
}
