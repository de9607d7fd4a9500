import type { Handlers } from '../handler.js';
import { type HandlerDependencies, pageOf } from './dependencies.js';

type SlaveRoutes = 'listSlaves' | 'registerSlave' | 'goodbyeSlave' | 'askForWork';

export function slaveHandlers({ service }: HandlerDependencies): Pick<Handlers, SlaveRoutes> {
  return {
    listSlaves: ({ query }) => service.listSlaves(pageOf(query)),
    registerSlave: ({ body }) => service.registerSlave(body),
    goodbyeSlave: async ({ params }) => {
      await service.goodbyeSlave(params.slaveId);
      return {};
    },
    askForWork: ({ params, body, gone }) => service.askForWork(params.slaveId, body, gone),
  };
}
