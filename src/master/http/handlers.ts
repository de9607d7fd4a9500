import type { Handlers } from './handler.js';
import { artifactHandlers } from './resources/artifact-handlers.js';
import { buildHandlers } from './resources/build-handlers.js';
import { bundleHandlers } from './resources/bundle-handlers.js';
import type { HandlerDependencies } from './resources/dependencies.js';
import { eventHandlers } from './resources/event-handlers.js';
import { historyHandlers } from './resources/history-handlers.js';
import { leaseHandlers } from './resources/lease-handlers.js';
import { resultHandlers } from './resources/result-handlers.js';
import { rootHandlers } from './resources/root-handlers.js';
import { sessionHandlers } from './resources/session-handlers.js';
import { slaveHandlers } from './resources/slave-handlers.js';
import { timelineHandlers } from './resources/timeline-handlers.js';
import { workHandlers } from './resources/work-handlers.js';

/** The handlers of all resources, one for each declared route. */
export function createHandlers(dependencies: HandlerDependencies): Handlers {
  return {
    ...rootHandlers(dependencies),
    ...eventHandlers(dependencies),
    ...buildHandlers(dependencies),
    ...workHandlers(dependencies),
    ...timelineHandlers(dependencies),
    ...artifactHandlers(dependencies),
    ...historyHandlers(dependencies),
    ...slaveHandlers(dependencies),
    ...sessionHandlers(),
    ...leaseHandlers(dependencies),
    ...resultHandlers(dependencies),
    ...bundleHandlers(dependencies),
  };
}
