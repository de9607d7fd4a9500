import { seconds } from '../../../lib/clock.js';
import { API_VERSION, MAX_PAGE } from '../../../protocol/routes.js';
import type { Handlers } from '../handler.js';
import type { HandlerDependencies } from './dependencies.js';

export function rootHandlers({
  service,
  clock,
  version,
}: HandlerDependencies): Pick<Handlers, 'root' | 'version'> {
  return {
    root: async () => {
      const { slaves } = await service.listSlaves({ offset: 0, limit: MAX_PAGE });
      const uptime = Math.max(0, seconds(clock.now()) - service.startedAt);
      return { master: { version, session_id: service.sessionId, uptime }, slaves };
    },
    version: async () => ({ version, api_version: API_VERSION }),
  };
}
