import { agentRoutes } from './routes/agent-routes.js';
import { buildRoutes } from './routes/build-routes.js';
import { bundleRoutes } from './routes/bundle-routes.js';
import { failureRoutes } from './routes/failure-routes.js';
import { historyRoutes } from './routes/history-routes.js';
import { serviceRoutes } from './routes/service-routes.js';
import { sessionRoutes } from './routes/session-routes.js';
import { slaveRoutes } from './routes/slave-routes.js';
import { workRoutes } from './routes/work-routes.js';

export { DASHBOARD } from './routes/service-routes.js';
export { MAX_PAGE } from './routes/shared.js';

/** Every route of the master, declared once. */
export const routes = {
  ...serviceRoutes,
  ...buildRoutes,
  ...workRoutes,
  ...failureRoutes,
  ...historyRoutes,
  ...slaveRoutes,
  ...sessionRoutes,
  ...agentRoutes,
  ...bundleRoutes,
} as const;

export type RouteName = keyof typeof routes;
export const API_VERSION = 1;
