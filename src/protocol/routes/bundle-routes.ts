import { Type } from '@sinclair/typebox';
import { BundleSchema, CommitSchema, MAX_CHAIN, MAX_COMMITS_ASKED } from '../bundle.js';
import { declareRoute } from '../route.js';
import { closed, nothing } from './shared.js';

const ofCommit = Type.Object({ commit: CommitSchema }, closed);

/** Files of projects that the master passes on. Reading them needs a signature too, since not every reader may see them. */
export const bundleRoutes = {
  knownPacks: declareRoute({
    method: 'POST',
    path: '/v1/pack',
    signing: 'http-signature',
    summary:
      'The commits among these that the master has completely, so that a new bundle may be based on them.',
    params: nothing,
    query: nothing,
    body: Type.Object({ commits: Type.Array(CommitSchema, { maxItems: MAX_COMMITS_ASKED }) }, closed),
    status: 200,
    response: Type.Object({
      known: Type.Array(CommitSchema),
      num_slaves: Type.Integer({ description: 'Connected slaves; with only one, no bundle is needed.' }),
    }),
  }),
  getPack: declareRoute({
    method: 'GET',
    path: '/v1/pack/:commit',
    signing: 'http-signature',
    summary: 'The chain of bundles of a commit, newest first; empty when the master does not have it.',
    params: ofCommit,
    query: nothing,
    body: null,
    status: 200,
    response: Type.Object({ packs: Type.Array(BundleSchema, { maxItems: MAX_CHAIN + 1 }) }),
    children: { content: 'getPackContent' },
  }),
  getPackContent: declareRoute({
    method: 'GET',
    path: '/v1/pack/:commit/content',
    signing: 'http-signature',
    summary: 'One bundle, for `git fetch`.',
    params: ofCommit,
    query: nothing,
    body: null,
    status: 200,
    response: 'application/octet-stream',
  }),
  putPack: declareRoute({
    method: 'PUT',
    path: '/v1/pack/:commit',
    signing: 'http-signature',
    summary: 'Sends the master a bundle. One that it already has is not stored again.',
    params: ofCommit,
    query: Type.Object(
      {
        base: Type.Optional(
          Type.String({
            pattern: CommitSchema.pattern ?? '',
            description: 'The base of a bundle that is not whole.',
          }),
        ),
      },
      closed,
    ),
    body: 'stream',
    status: 200,
    response: nothing,
  }),
} as const;
