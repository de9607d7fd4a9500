import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const SUFFIX = '.incoming';

/** A temporary path for an archive that is being received. */
export function incomingPath(directory: string): string {
  return join(directory, randomUUID() + SUFFIX);
}

/** Removes what a killed run had begun to receive; its slaves will deliver it again. */
export function removeLeftovers(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(directory)) {
    if (name.endsWith(SUFFIX)) {
      rmSync(join(directory, name), { force: true });
    }
  }
}
