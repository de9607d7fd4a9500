import type { Handlers } from './handler.js';
import { artifactHandlers } from './resources/artifact.js';
import { buildHandlers } from './resources/build.js';
import type { HandlerDependencies } from './resources/dependencies.js';
import { eventHandlers } from './resources/event.js';
import { leaseHandlers } from './resources/lease.js';
import { packHandlers } from './resources/pack.js';
import { resultHandlers } from './resources/result.js';
import { rootHandlers } from './resources/root.js';
import { slaveHandlers } from './resources/slave.js';
import { workHandlers } from './resources/work.js';

/** The handlers of all resources, one for each declared route. */
export function createHandlers(dependencies: HandlerDependencies): Handlers {
  return {
    ...rootHandlers(dependencies),
    ...eventHandlers(dependencies),
    ...buildHandlers(dependencies),
    ...workHandlers(dependencies),
    ...artifactHandlers(dependencies),
    ...slaveHandlers(dependencies),
    ...leaseHandlers(dependencies),
    ...resultHandlers(dependencies),
    ...packHandlers(dependencies),
  };
}
