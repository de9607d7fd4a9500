import type { ConsoleSearch } from '../../../protocol/build/console-search.js';
import type { Atom, ConsolePage } from '../../../protocol/build/work.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { AtomId, BuildId, SubjobId } from '../../../protocol/ids.js';
import type { QueryOf } from '../../../protocol/route.js';
import type { routes } from '../../../protocol/routes.js';
import type { MasterReading } from '../../state/master-api.js';
import type { Handlers } from '../handler.js';
import { type ListQuery, ListResponse } from '../response/list-response.js';
import { type HandlerDependencies, listQueryOf } from './dependencies.js';
import { atomSearchOf, findAtoms } from './run-search.js';

type WorkRoutes =
  | 'listSubjobs'
  | 'getSubjob'
  | 'listAtomsOfSubjob'
  | 'getAtomOfSubjob'
  | 'getConsoleOfSubjob'
  | 'searchConsoleOfSubjob'
  | 'listAtoms'
  | 'listFailureGroups'
  | 'getAtom'
  | 'getConsole'
  | 'searchConsole';

export function workHandlers({ reading, turns }: HandlerDependencies): Pick<Handlers, WorkRoutes> {
  const listAtoms = (build: BuildId, subjob: SubjobId | null, query: ListQuery, gone: AbortSignal) =>
    ListResponse.begin<'atoms', Atom>('atoms', query, turns, gone, async (next) => {
      const { atoms, total } = await reading.listAtoms(build, subjob, next);
      return { rows: atoms, total };
    });
  return {
    listSubjobs: ({ params, query, gone }) =>
      ListResponse.begin('subjobs', listQueryOf(query), turns, gone, async (next) => {
        const { subjobs, total } = await reading.listSubjobs(params.buildId, next);
        return { rows: subjobs, total };
      }),
    getSubjob: async ({ params }) => ({ subjob: await reading.getSubjob(params.buildId, params.subjobId) }),
    listAtomsOfSubjob: ({ params, query, gone }) =>
      listAtoms(params.buildId, params.subjobId, listQueryOf(query), gone),
    getAtomOfSubjob: async ({ params: { buildId, subjobId, atomId } }) => ({
      atom: await atomOfSubjob(reading, buildId, subjobId, atomId),
    }),
    getConsoleOfSubjob: async ({ params: { buildId, subjobId, atomId }, query }) => {
      const atom = await atomOfSubjob(reading, buildId, subjobId, atomId);
      return readConsole(reading, buildId, atom.id, query);
    },
    searchConsoleOfSubjob: async ({ params: { buildId, subjobId, atomId }, query, gone }) => {
      const atom = await atomOfSubjob(reading, buildId, subjobId, atomId);
      return searchConsole(reading, buildId, atom.id, query, gone);
    },
    listAtoms: async ({ params: { buildId }, query, gone }) => {
      const search = atomSearchOf(query);
      if (search === null) {
        return listAtoms(buildId, null, listQueryOf(query), gone);
      }
      const list = listQueryOf(query);
      const most = list.offset + (list.limit ?? Number.MAX_SAFE_INTEGER);
      const { ids, total } = await findAtoms(reading, buildId, search, most, turns, gone);
      return ListResponse.begin<'atoms', Atom>('atoms', list, turns, gone, async ({ offset, limit }) => ({
        rows: await reading.chosenAtoms(buildId, ids.slice(offset, offset + limit)),
        total,
      }));
    },
    listFailureGroups: ({ params, query }) =>
      reading.listFailureGroups(params.buildId, { offset: query.offset ?? 0, limit: query.limit ?? 20 }),
    getAtom: async ({ params }) => ({ atom: await reading.getAtom(params.buildId, params.atomId) }),
    getConsole: ({ params, query }) => readConsole(reading, params.buildId, params.atomId, query),
    searchConsole: ({ params, query, gone }) =>
      searchConsole(reading, params.buildId, params.atomId, query, gone),
  };
}

/**
 * The atom with this number in the build, when it is in the subjob. Older clients count the atoms of each subjob from 0,
 * so a number that is not in the subjob is taken as such an index.
 * @throws ClusterRunnerError NOT_FOUND
 */
async function atomOfSubjob(
  reading: MasterReading,
  build: BuildId,
  subjob: SubjobId,
  id: AtomId,
): Promise<Atom> {
  const atom = await reading.getAtom(build, id).catch(nullIfNotFound);
  if (atom?.subjob_id === subjob) {
    return atom;
  }
  const { atoms, total } = await reading.listAtoms(build, subjob, { offset: id, limit: 1 });
  const [byIndex] = atoms;
  if (byIndex === undefined) {
    throw new ClusterRunnerError(
      'NOT_FOUND',
      `Subjob ${subjob} of build ${build} has ${total} atoms, and none with the number or at the index ${id}.`,
    );
  }
  return byIndex;
}

function nullIfNotFound(error: unknown): null {
  if (error instanceof ClusterRunnerError && error.code === 'NOT_FOUND') {
    return null;
  }
  throw error;
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

function searchConsole(
  reading: MasterReading,
  build: BuildId,
  atom: AtomId,
  query: QueryOf<typeof routes.searchConsole>,
  gone: AbortSignal,
): Promise<ConsoleSearch> {
  const request = {
    text: query.q,
    isRegex: query.regex === 'true',
    isExact: query.case === 'true',
    fromLine: query.from_line ?? 0,
    maxMatches: query.limit ?? 100,
  };
  return reading.searchConsole(build, atom, request, gone);
}
