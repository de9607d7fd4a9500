import { receiveBundle } from '../body/receive-bundle.js';
import type { Handlers } from '../handler.js';
import type { HandlerDependencies } from './dependencies.js';

type PackRoutes = 'knownPacks' | 'getPack' | 'getPackContent' | 'putPack';

export function packHandlers({
  service,
  temporaryDirectory,
}: HandlerDependencies): Pick<Handlers, PackRoutes> {
  const { packs } = service;
  return {
    knownPacks: async ({ body: { commits } }) => ({
      known: packs.known(commits),
      num_slaves: packs.numSlaves,
    }),
    getPack: async ({ params: { commit } }) => ({ packs: packs.chain(commit) }),
    getPackContent: async ({ params: { commit } }) => {
      const { file, bytes } = await packs.open(commit);
      return { ready: true, content: file.createReadStream(), bytes, fileName: `${commit}.bundle` };
    },
    putPack: async ({ params: { commit }, query, body, headers }) => {
      const maxBytes = await packs.room();
      service.requireRoom(Number(headers['content-length'] ?? 0));
      const quota = { maxBytes, requireSpace: (bytes: number) => service.requireRoom(bytes) };
      await receiveBundle(body, temporaryDirectory, quota, (received) =>
        packs.keep(commit, query.base ?? null, received),
      );
      return {};
    },
  };
}
