import { type SlaveState, slaveState } from '../../../protocol/slave/slave-list.js';
import { HOURS_OF_UTILIZATION } from '../../../protocol/slave/utilization-columns.js';
import type { Handlers } from '../handler.js';
import { type HandlerDependencies, pageOf } from './dependencies.js';

type SlaveRoutes =
  | 'listSlaves'
  | 'getSlave'
  | 'utilization'
  | 'shutdownSlave'
  | 'shutdownSlaves'
  | 'registerSlave'
  | 'goodbyeSlave'
  | 'askForWork';

export function slaveHandlers({ service, reading }: HandlerDependencies): Pick<Handlers, SlaveRoutes> {
  return {
    listSlaves: ({ query: { state, q, sort, ...page } }) =>
      service.listSlaves({
        ...pageOf(page),
        ...(state === undefined ? {} : { states: statesIn(state) }),
        ...(q === undefined ? {} : { text: q }),
        ...(sort === undefined ? {} : { order: sort }),
      }),
    getSlave: async ({ params }) => ({ slave: await reading.getSlave(params.slaveId) }),
    utilization: ({ query }) => reading.utilization(query.hours ?? HOURS_OF_UTILIZATION),
    shutdownSlave: async ({ params }) => ({ slave_ids: await service.drainSlaves([params.slaveId]) }),
    shutdownSlaves: async ({ body }) => ({
      slave_ids: await service.drainSlaves('slaves' in body ? body.slaves : 'all'),
    }),
    registerSlave: ({ body }) => service.registerSlave(body),
    goodbyeSlave: async ({ params }) => {
      await service.goodbyeSlave(params.slaveId);
      return {};
    },
    askForWork: ({ params, body, gone }) => service.askForWork(params.slaveId, body, gone),
  };
}

function statesIn(list: string): ReadonlySet<SlaveState> {
  const named = new Set(list.split(','));
  return new Set(slaveState.filter((state) => named.has(state)));
}
