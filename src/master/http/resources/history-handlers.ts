import type { Handlers } from '../handler.js';
import { type HandlerDependencies, pageOf } from './dependencies.js';

type HistoryRoutes =
  | 'listJobs'
  | 'getJob'
  | 'listJobBuilds'
  | 'listJobAtoms'
  | 'getAtomHistory'
  | 'getHistoryOfAtom';

export function historyHandlers({ reading, turns }: HandlerDependencies): Pick<Handlers, HistoryRoutes> {
  return {
    listJobs: ({ query, gone }) => turns.take(gone, () => reading.listJobs(query.q ?? '', pageOf(query))),
    getJob: async ({ params, gone }) => ({ job: await turns.take(gone, () => reading.getJob(params.jobId)) }),
    listJobBuilds: ({ params, query, gone }) =>
      turns.take(gone, () => reading.listJobBuilds(params.jobId, pageOf(query))),
    listJobAtoms: ({ params, query, gone }) => {
      const { sort: order = 'name', q: text = '' } = query;
      const read = () => reading.listJobAtoms(params.jobId, { ...pageOf(query), order, text }, gone);
      // A search takes longer than a turn, and yields by itself.
      return text === '' ? turns.take(gone, read) : read();
    },
    getAtomHistory: async ({ params, query }) => ({
      atom: await reading.getAtomHistory(params.jobId, query.name),
    }),
    getHistoryOfAtom: ({ params }) => reading.historyOfAtom(params.buildId, params.atomId),
  };
}
