import { Minimatch } from 'minimatch';

/** Hidden files count too, and "!" and "#" have no meaning at the beginning. */
const options = {
  dot: true,
  nonegate: true,
  nocomment: true,
  platform: 'linux',
  braceExpandMax: 1000,
} as const;

/** The pattern for paths that a glob of clusterrunner.yaml stands for. */
export function pathPattern(glob: string): Minimatch {
  return new Minimatch(glob, options);
}
