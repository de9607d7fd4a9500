import { receiveBundle } from '../body/receive-bundle.js';
import type { Handlers } from '../handler.js';
import type { HandlerDependencies } from './dependencies.js';

type PackRoutes = 'knownPacks' | 'getPack' | 'getPackContent' | 'putPack';

export function bundleHandlers({
  service,
  temporaryDirectory,
}: HandlerDependencies): Pick<Handlers, PackRoutes> {
  const { bundles } = service;
  return {
    knownPacks: async ({ body: { commits } }) => ({
      known: bundles.known(commits),
      num_slaves: bundles.numSlaves,
    }),
    getPack: async ({ params: { commit } }) => ({ packs: bundles.chain(commit) }),
    getPackContent: async ({ params: { commit } }) => {
      const { file, bytes } = await bundles.open(commit);
      return { ready: true, content: file.createReadStream(), bytes, fileName: `${commit}.bundle` };
    },
    putPack: async ({ params: { commit }, query, body, headers }) => {
      const maxBytes = await bundles.remainingBytes();
      service.requireSpace(Number(headers['content-length'] ?? 0));
      const quota = { maxBytes, requireSpace: (bytes: number) => service.requireSpace(bytes) };
      await receiveBundle(body, temporaryDirectory, quota, (received) =>
        bundles.keep(commit, query.base ?? null, received),
      );
      return {};
    },
  };
}
