import { relative } from 'node:path';
import type { PathAlias } from '../lib/text/path-aliases.js';

/**
 * Aliases for the paths of a checkout, as in atoms: `$PROJECT_DIR` for the folder with clusterrunner.yaml, and
 * `$PROJECT_DIR/..` for folders above it in the checkout. Both paths are absolute and real.
 */
export function aliasesOf(projectDirectory: string, checkout: string): PathAlias[] {
  const above = relative(projectDirectory, checkout);
  const project = { path: projectDirectory, alias: '$PROJECT_DIR' };
  return above === '' ? [project] : [project, { path: checkout, alias: `$PROJECT_DIR/${above}` }];
}
