import { createHash } from 'node:crypto';
import type { Build } from '../../../protocol/build.js';
import type { routes } from '../../../protocol/routes.js';
import { type Call, type Handlers, UNCHANGED } from '../handler.js';
import { type HandlerDependencies, pageOf } from './dependencies.js';

type BuildRoutes = 'listBuilds' | 'queue' | 'createBuild' | 'getBuild' | 'updateBuild' | 'explainBuild';

export function buildHandlers(dependencies: HandlerDependencies): Pick<Handlers, BuildRoutes> {
  const { service, reading } = dependencies;
  return {
    listBuilds: ({ query }) => service.listBuilds(pageOf(query)),
    queue: ({ query }) => reading.listUnfinished(pageOf(query)),
    createBuild: async ({ body }) => ({ build_id: await service.createBuild(body) }),
    getBuild: (call) => getBuild(call, dependencies),
    // Cancelling is all that the declaration lets through.
    updateBuild: async ({ params }) => ({ build: await service.cancelBuild(params.buildId) }),
    explainBuild: async ({ params }) => ({ explanation: await reading.explain(params.buildId) }),
  };
}

/**
 * The ETag is made of what is answered, so it holds across restarts of the master. Listening begins before
 * looking: what changes in between is not missed.
 */
async function getBuild(
  { params: { buildId }, query, headers, gone, setHeader }: Call<typeof routes.getBuild>,
  { service, reading, clock }: HandlerDependencies,
): Promise<{ build: Build } | typeof UNCHANGED> {
  const known = headers['if-none-match'];
  const deadline = clock.now() + 1000 * (query.wait ?? 0);
  for (;;) {
    const listening = new AbortController();
    const changed = reading.untilChanged(
      buildId,
      query.until ?? 'change',
      Math.max(0, deadline - clock.now()),
      AbortSignal.any([gone, listening.signal]),
    );
    const build = await service.getBuild(buildId);
    const tag = `"${createHash('sha256').update(JSON.stringify(build)).digest('hex').slice(0, 20)}"`;
    const isAwaited = query.until === 'end' ? build.status !== 'BUILDING' : tag !== known;
    const isOver = clock.now() >= deadline || gone.aborted;
    if (isAwaited || isOver) {
      listening.abort();
      await changed;
      setHeader('ETag', tag);
      return tag === known ? UNCHANGED : { build };
    }
    await changed;
  }
}
