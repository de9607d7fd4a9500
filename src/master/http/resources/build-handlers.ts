import { createHash } from 'node:crypto';
import type { Activity } from '../../../protocol/build/activity.js';
import type { Build } from '../../../protocol/build/build.js';
import type { routes } from '../../../protocol/routes.js';
import { type Call, type Handlers, UNCHANGED } from '../handler.js';
import { ListResponse } from '../response/list-response.js';
import { type HandlerDependencies, listQueryOf, pageOf } from './dependencies.js';
import { findBuilds } from './run-search.js';

type BuildRoutes =
  | 'listBuilds'
  | 'queue'
  | 'createBuild'
  | 'getBuild'
  | 'updateBuild'
  | 'rerunFailed'
  | 'explainBuild';

export function buildHandlers(dependencies: HandlerDependencies): Pick<Handlers, BuildRoutes> {
  const { service, reading } = dependencies;
  return {
    listBuilds: (call) => listBuilds(call, dependencies),
    queue: async ({ query }) => {
      const listed =
        query.order === 'next'
          ? await reading.queue(pageOf(query))
          : await reading.listUnfinished(pageOf(query));
      return { ...listed, queue: listed.builds };
    },
    createBuild: async ({ body }) => ({ build_id: await service.createBuild(body) }),
    getBuild: (call) => getBuild(call, dependencies),
    // Canceling is all that the declaration lets through.
    updateBuild: async ({ params, gone }) => ({ build: await service.cancelBuild(params.buildId, gone) }),
    rerunFailed: async ({ params, body }) => ({
      build_id: await service.rerun(params.buildId, body.atoms ?? 'failed', body.requested_by),
    }),
    explainBuild: async ({ params }) => ({ explanation: await reading.explain(params.buildId) }),
  };
}

async function listBuilds(
  { query, gone }: Call<typeof routes.listBuilds>,
  { service, turns }: HandlerDependencies,
): Promise<ListResponse<'builds', Build>> {
  const { order = 'oldest', status, q, job } = query;
  if (status === undefined && q === undefined && job === undefined) {
    return ListResponse.begin('builds', listQueryOf(query), turns, gone, async ({ offset, limit, after }) => {
      const page = { offset, limit, order, ...(after === null ? {} : { after: after.id }) };
      const { builds, total } = await service.listBuilds(page);
      return { rows: builds, total };
    });
  }
  const found = await findBuilds(service, query, turns, gone);
  if (order === 'newest') {
    found.reverse();
  }
  const list = listQueryOf(query);
  let next = list.offset;
  return ListResponse.begin('builds', list, turns, gone, async ({ limit }) => {
    const rows: Build[] = [];
    // Fewer rows than requested would be the last, also when builds have been forgotten since they were found.
    while (rows.length < limit && next < found.length) {
      const chosen = found.slice(next, next + limit - rows.length);
      next += chosen.length;
      rows.push(...(await service.listChosenBuilds(chosen)));
    }
    return { rows, total: found.length };
  });
}

/**
 * The ETag is made of the response, so it holds across restarts of the master. Watching begins before reading, so that no
 * change in between is missed.
 */
async function getBuild(
  { params: { buildId }, query, headers, gone, setHeader }: Call<typeof routes.getBuild>,
  { service, reading, clock }: HandlerDependencies,
): Promise<{ build: Build } | typeof UNCHANGED> {
  const until = query.until ?? 'change';
  const deadline = clock.monotonic() + 1000 * (query.wait ?? 0);
  const isKnown = (tag: string) => namesTag(headers['if-none-match'], tag);
  for (;;) {
    const enough = new AbortController();
    const left = deadline - clock.monotonic();
    const changed =
      left > 0
        ? reading.untilChanged(buildId, until, left, AbortSignal.any([gone, enough.signal]))
        : Promise.resolve();
    const look = async () => {
      const build = await service.getBuild(buildId);
      const tag = tagOf(build);
      const isAwaited = until === 'end' ? build.status !== 'BUILDING' : !isKnown(tag);
      const isOver = left <= 0 || gone.aborted;
      return isAwaited || isOver ? { build, tag } : null;
    };
    const looked = look().then(
      (found) => {
        if (found !== null) {
          enough.abort();
        }
        return found;
      },
      (error: unknown) => {
        enough.abort();
        throw error;
      },
    );
    const [found] = await Promise.all([looked, changed]);
    if (found !== null) {
      setHeader('ETag', found.tag);
      return isKnown(found.tag) ? UNCHANGED : { build: found.build };
    }
  }
}

/** Digests of parts of requests, which may have megabytes and are the same objects while their build runs. */
const digests = new WeakMap<object, string>();

function tagOf(build: Build): string {
  const { request_params, activity, ...rest } = build;
  const { atoms_override: atoms, config, changed_files: files, ...request } = request_params;
  const large = [atoms, config, files].map((part) => (part === undefined ? null : digestOf(part)));
  const text = JSON.stringify([rest, request, large, withoutDurations(activity ?? null)]);
  return `"${sha256(text).slice(0, 20)}"`;
}

/** The activity without its durations, which change all the time. */
function withoutDurations(activity: Activity | null) {
  return (
    activity && [
      activity.running.map(({ atom_id, slave }) => [atom_id, slave]),
      activity.setting_up.map(({ slave }) => slave),
      activity.failures.total,
    ]
  );
}

function digestOf(part: object): string {
  const digest = digests.get(part) ?? sha256(JSON.stringify(part));
  digests.set(part, digest);
  return digest;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** RFC 9110, section 13.1.2: a list of tags, compared weakly, or `*`. The tags of builds have no comma. */
function namesTag(header: string | undefined, tag: string): boolean {
  const named = (header ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  return named.includes(tag) || named.includes('*');
}
