import { relative } from 'node:path';
import type { PathAlias } from '../lib/text/path-aliases.js';

/**
 * How the paths of a checkout are shown, as they are in atoms: `$PROJECT_DIR` stands for the folder that holds
 * clusterrunner.yaml, and `$PROJECT_DIR/..` for one above it in the checkout. Both paths are absolute and real.
 */
export function aliasesOf(projectDirectory: string, checkout: string): PathAlias[] {
  const above = relative(projectDirectory, checkout);
  const project = { path: projectDirectory, alias: '$PROJECT_DIR' };
  return above === '' ? [project] : [project, { path: checkout, alias: `$PROJECT_DIR/${above}` }];
}
