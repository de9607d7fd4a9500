import { seconds } from '../../../lib/clock.js';
import { openApiDocument } from '../../../protocol/openapi.js';
import { API_VERSION, DASHBOARD, MAX_PAGE, routes } from '../../../protocol/routes.js';
import type { Handlers } from '../handler.js';
import type { HandlerDependencies } from './dependencies.js';

type RootRoutes = 'root' | 'version' | 'openApi' | 'metrics';

export function rootHandlers({
  service,
  reading,
  clock,
  version,
  endsWithBuild,
}: HandlerDependencies): Pick<Handlers, RootRoutes> {
  const document = JSON.stringify(openApiDocument(routes, version));
  return {
    root: async () => {
      const listed = await service.listSlaves({ offset: 0, limit: MAX_PAGE });
      const slaves = listed.slaves.map(({ work: _, ...slave }) => slave);
      const uptime = Math.max(0, seconds(clock.now()) - service.startedAt);
      const status = reading.arePast ? 'No master runs; these are past builds.' : 'Master service is up.';
      return { master: { status, version, session_id: service.sessionId, uptime, slaves }, slaves };
    },
    version: async () => ({
      version,
      api_version: API_VERSION,
      dashboard: DASHBOARD,
      ...(reading.arePast ? { past_builds: true } : {}),
      ...(endsWithBuild === true ? { ends_with_build: true } : {}),
    }),
    openApi: async () => ({ ready: true, content: document, bytes: null, fileName: null }),
    metrics: async () => ({ ready: true, content: await reading.metrics(), bytes: null, fileName: null }),
  };
}
