import { agentRoutes } from './routes/agent.js';
import { buildRoutes } from './routes/builds.js';
import { packRoutes } from './routes/packs.js';
import { serviceRoutes } from './routes/service.js';
import { slaveRoutes } from './routes/slaves.js';
import { workRoutes } from './routes/work.js';

export { MAX_PAGE } from './routes/shared.js';

/** Every route of the master, declared once. */
export const routes = {
  ...serviceRoutes,
  ...buildRoutes,
  ...workRoutes,
  ...slaveRoutes,
  ...agentRoutes,
  ...packRoutes,
} as const;

export type RouteName = keyof typeof routes;
export const API_VERSION = 1;
