import type { Build } from '../../src/protocol/build/build.js';

/** The facts of a build that never change once it has ended: the history names its job some time later. */
export function lastingFacts(build: Build): Build {
  return { ...build, job_id: null };
}
