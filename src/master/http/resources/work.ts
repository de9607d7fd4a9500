import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { AtomId, BuildId, SubjobId } from '../../../protocol/ids.js';
import type { Atom, ConsolePage } from '../../../protocol/work.js';
import type { MasterReading } from '../../contract.js';
import type { Handlers } from '../handler.js';
import { type HandlerDependencies, pageOf } from './dependencies.js';

type WorkRoutes =
  | 'listSubjobs'
  | 'getSubjob'
  | 'listAtomsOfSubjob'
  | 'getAtomOfSubjob'
  | 'getConsoleOfSubjob'
  | 'listAtoms'
  | 'getAtom'
  | 'getConsole';

export function workHandlers({ reading }: HandlerDependencies): Pick<Handlers, WorkRoutes> {
  return {
    listSubjobs: ({ params, query }) => reading.listSubjobs(params.buildId, pageOf(query)),
    getSubjob: async ({ params }) => ({ subjob: await reading.getSubjob(params.buildId, params.subjobId) }),
    listAtomsOfSubjob: ({ params, query }) =>
      reading.listAtoms(params.buildId, params.subjobId, pageOf(query)),
    getAtomOfSubjob: async ({ params: { buildId, subjobId, atomId } }) => ({
      atom: await atomOfSubjob(reading, buildId, subjobId, atomId),
    }),
    getConsoleOfSubjob: async ({ params: { buildId, subjobId, atomId }, query }) => {
      await atomOfSubjob(reading, buildId, subjobId, atomId);
      return readConsole(reading, buildId, atomId, query);
    },
    listAtoms: ({ params, query }) => reading.listAtoms(params.buildId, null, pageOf(query)),
    getAtom: async ({ params }) => ({ atom: await reading.getAtom(params.buildId, params.atomId) }),
    getConsole: ({ params, query }) => readConsole(reading, params.buildId, params.atomId, query),
  };
}

async function atomOfSubjob(
  reading: MasterReading,
  build: BuildId,
  subjob: SubjobId,
  id: AtomId,
): Promise<Atom> {
  const atom = await reading.getAtom(build, id);
  if (atom.subjob_id !== subjob) {
    throw new ClusterRunnerError(
      'NOT_FOUND',
      `Subjob ${subjob} of build ${build} has no atom ${id}; that one is in subjob ${atom.subjob_id}.`,
    );
  }
  return atom;
}

function readConsole(
  reading: MasterReading,
  build: BuildId,
  atom: AtomId,
  query: { max_lines?: number; offset_line?: number },
): Promise<ConsolePage> {
  return reading.readConsole(build, atom, {
    offsetLine: query.offset_line ?? null,
    maxLines: query.max_lines ?? 50,
  });
}
