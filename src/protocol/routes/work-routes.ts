import { Type } from '@sinclair/typebox';
import { ConsoleSearchSchema, MAX_SEARCH_TEXT } from '../build/console-search.js';
import { atomSearchFields } from '../build/search-parameters.js';
import { TimelineSchema } from '../build/timeline.js';
import { AtomSchema, ConsolePageSchema, SubjobSchema } from '../build/work.js';
import { declareRoute } from '../route.js';
import { literals } from '../shapes.js';
import { anyPage, closed, MAX_PAGE, ofAtom, ofAtomInSubjob, ofBuild, ofSubjob, total } from './shared.js';

const atoms = Type.Object({ atoms: Type.Array(AtomSchema), total });
const oneAtom = Type.Object({ atom: AtomSchema });
const consoleQuery = Type.Object(
  {
    max_lines: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE * 10, default: 50 })),
    offset_line: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'First line, from 0; without it the last `max_lines` lines.',
      }),
    ),
  },
  closed,
);

const yesOrNo = (description: string) =>
  Type.Optional(literals(['true', 'false'], { default: 'false', description }));
const searchQuery = Type.Object(
  {
    q: Type.String({
      minLength: 1,
      maxLength: MAX_SEARCH_TEXT,
      description: 'Text to find in one line, without control characters.',
    }),
    case: yesOrNo('Whether upper and lower case differ.'),
    regex: yesOrNo('Whether `q` is an expression in the syntax of RE2.'),
    from_line: Type.Optional(
      Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0, description: 'From 0.' }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_PAGE,
        default: 100,
        description: 'Most matches in a response.',
      }),
    ),
  },
  closed,
);

const getAtom = {
  method: 'GET',
  signing: 'none',
  summary: 'One atom.',
  query: Type.Object({}, closed),
  body: null,
  status: 200,
  response: oneAtom,
} as const;
const getConsole = {
  method: 'GET',
  signing: 'none',
  summary: 'A page of the console of an atom, also while it runs.',
  query: consoleQuery,
  body: null,
  status: 200,
  response: ConsolePageSchema,
} as const;

const searchConsole = {
  method: 'GET',
  signing: 'none',
  summary: 'The lines of a console that contain a text, also while its atom runs.',
  query: searchQuery,
  body: null,
  status: 200,
  response: ConsoleSearchSchema,
} as const;

/** Subjobs and atoms. The id of an atom is unique in its build, so it can be requested with or without its subjob. */
export const workRoutes = {
  listSubjobs: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/subjob',
    signing: 'none',
    summary: 'The subjobs of a build.',
    params: ofBuild,
    query: anyPage,
    body: null,
    status: 200,
    response: Type.Object({ subjobs: Type.Array(SubjobSchema), total }),
    children: { subjob: 'getSubjob' },
  }),
  getSubjob: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/subjob/:subjobId',
    signing: 'none',
    summary: 'One subjob.',
    params: ofSubjob,
    query: Type.Object({}, closed),
    body: null,
    status: 200,
    response: Type.Object({ subjob: SubjobSchema }),
    children: { atom: 'listAtomsOfSubjob' },
  }),
  listAtomsOfSubjob: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/subjob/:subjobId/atom',
    signing: 'none',
    summary: 'The atoms of a subjob.',
    params: ofSubjob,
    query: anyPage,
    body: null,
    status: 200,
    response: atoms,
    children: { atom: 'getAtomOfSubjob' },
  }),
  getAtomOfSubjob: declareRoute({
    ...getAtom,
    path: '/v1/build/:buildId/subjob/:subjobId/atom/:atomId',
    params: ofAtomInSubjob,
    children: { console: 'getConsoleOfSubjob' },
  }),
  getConsoleOfSubjob: declareRoute({
    ...getConsole,
    path: '/v1/build/:buildId/subjob/:subjobId/atom/:atomId/console',
    params: ofAtomInSubjob,
    children: { search: 'searchConsoleOfSubjob' },
  }),
  searchConsoleOfSubjob: declareRoute({
    ...searchConsole,
    path: '/v1/build/:buildId/subjob/:subjobId/atom/:atomId/console/search',
    params: ofAtomInSubjob,
  }),
  listAtoms: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/atom',
    signing: 'none',
    summary: 'The atoms of a build: all of them, or those that match.',
    params: ofBuild,
    query: Type.Object({ ...anyPage.properties, ...atomSearchFields }, closed),
    body: null,
    status: 200,
    response: atoms,
    children: { atom: 'getAtom' },
  }),
  getTimeline: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/timeline',
    signing: 'none',
    summary:
      'Which executor did what when. With the cursor of an earlier response, only atoms that may have changed since.',
    params: ofBuild,
    query: Type.Object(
      {
        since: Type.Optional(
          Type.String({ maxLength: 100, description: 'The `cursor` of the last response.' }),
        ),
      },
      closed,
    ),
    body: null,
    status: 200,
    response: TimelineSchema,
  }),
  getAtom: declareRoute({
    ...getAtom,
    path: '/v1/build/:buildId/atom/:atomId',
    params: ofAtom,
    children: { console: 'getConsole' },
  }),
  getConsole: declareRoute({
    ...getConsole,
    path: '/v1/build/:buildId/atom/:atomId/console',
    params: ofAtom,
    children: { search: 'searchConsole' },
  }),
  searchConsole: declareRoute({
    ...searchConsole,
    path: '/v1/build/:buildId/atom/:atomId/console/search',
    params: ofAtom,
  }),
} as const;
