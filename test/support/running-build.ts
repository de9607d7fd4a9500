import type { Build } from '../../src/protocol/build/build.js';
import { toId } from '../../src/protocol/ids.js';
import { noFacts } from '../../src/protocol/results/result-facts.js';

/** A running build as an older master describes it: without an activity. */
export const runningBuild: Build = {
  id: toId.build(7),
  status: 'BUILDING',
  state: 'BUILDING',
  state_timestamps: {},
  result: null,
  details: '1 of 4 subjobs are complete (25.0%).',
  num_atoms: 10,
  atom_variables: ['T'],
  num_subjobs: 4,
  num_atoms_done: 3,
  num_atoms_failed: 1,
  num_atoms_lost: 0,
  num_atoms_flaky: 0,
  num_atoms_cached: 0,
  ...noFacts,
  flaky_atoms: null,
  interrupted_atoms: null,
  num_executors: 2,
  seconds_left: 12,
  failed_atoms: null,
  artifacts: null,
  error_message: null,
  revision: null,
  request_params: { type: 'directory' },
};
