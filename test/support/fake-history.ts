import type { MasterReading } from '../../src/master/state/master-api.js';
import { ClusterRunnerError } from '../../src/protocol/errors.js';

type History = Pick<
  MasterReading,
  'listJobs' | 'getJob' | 'listJobBuilds' | 'listJobAtoms' | 'getAtomHistory' | 'historyOfAtom'
>;

async function noJob(): Promise<never> {
  throw new ClusterRunnerError('NOT_FOUND', 'There is no such job in the history; GET /v1/job lists them.');
}

/** The history of a master that has recorded nothing. */
export const emptyHistory: History = {
  listJobs: async () => ({ jobs: [], total: 0 }),
  getJob: noJob,
  listJobBuilds: noJob,
  listJobAtoms: noJob,
  getAtomHistory: noJob,
  historyOfAtom: async () => ({ job_id: null, history: null }),
};
