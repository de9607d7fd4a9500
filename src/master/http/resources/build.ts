import type { Handlers } from '../handler.js';
import { type HandlerDependencies, pageOf } from './dependencies.js';

type BuildRoutes = 'listBuilds' | 'createBuild' | 'getBuild' | 'updateBuild';

export function buildHandlers({ service }: HandlerDependencies): Pick<Handlers, BuildRoutes> {
  return {
    listBuilds: ({ query }) => service.listBuilds(pageOf(query)),
    createBuild: async ({ body }) => ({ build_id: await service.createBuild(body) }),
    getBuild: async ({ params }) => ({ build: await service.getBuild(params.buildId) }),
    // Cancelling is all that the declaration lets through.
    updateBuild: async ({ params }) => ({ build: await service.cancelBuild(params.buildId) }),
  };
}
