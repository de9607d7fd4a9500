import type { AtomId, BuildId, JobId } from '../../protocol/ids.js';

/* The paths of the dashboard's pages. Nothing here needs a browser. */

export const buildTabs = ['overview', 'atoms', 'timeline', 'artifacts'] as const;
export type BuildTab = (typeof buildTabs)[number];

/** A page and its subject. */
export type PageTarget =
  | { readonly page: 'builds' | 'queue' | 'fleet' | 'jobs' | 'login' }
  | { readonly page: 'build'; readonly buildId: BuildId; readonly tab: BuildTab }
  | { readonly page: 'atom'; readonly buildId: BuildId; readonly atomId: AtomId }
  | { readonly page: 'job'; readonly jobId: JobId }
  | { readonly page: 'unknown'; readonly path: string };

const LISTS = ['builds', 'queue', 'fleet', 'jobs', 'login'] as const;
const BUILDS: PageTarget = { page: 'builds' };

function isId<Id extends number>(value: number): value is Id {
  return Number.isSafeInteger(value);
}

/** An id as the API writes it; null for any other text. */
export function idOf<Id extends number>(text: string | null | undefined): Id | null {
  const id = /^(0|[1-9]\d{0,14})$/.test(text ?? '') ? Number(text) : Number.NaN;
  return isId<Id>(id) ? id : null;
}

/** The page at a path, which begins with a slash and has no query. */
export function targetOf(path: string): PageTarget {
  const unknown: PageTarget = { page: 'unknown', path };
  const [root = '', kind = '', first, second, third, ...more] = path.split('/').slice(1);
  if (path === '/' || path === '/ui' || path === '/ui/') {
    return BUILDS;
  }
  if (root !== 'ui' || more.length > 0) {
    return unknown;
  }
  if (first === undefined) {
    const page = LISTS.find((name) => name === kind);
    return page === undefined ? unknown : { page };
  }
  if (kind === 'job') {
    const jobId = idOf<JobId>(first);
    return jobId === null || second !== undefined ? unknown : { page: 'job', jobId };
  }
  const buildId = idOf<BuildId>(first);
  if (kind !== 'build' || buildId === null) {
    return unknown;
  }
  if (second === 'atom') {
    const atomId = idOf<AtomId>(third);
    return atomId === null ? unknown : { page: 'atom', buildId, atomId };
  }
  const tab = buildTabs.find((name) => name === (second ?? 'overview'));
  return tab === undefined || second === 'overview' || third !== undefined
    ? unknown
    : { page: 'build', buildId, tab };
}

/** The path of a page. */
export function pathTo(target: PageTarget): string {
  switch (target.page) {
    case 'build': {
      const path = `/ui/build/${target.buildId}`;
      return target.tab === 'overview' ? path : `${path}/${target.tab}`;
    }
    case 'atom':
      return `/ui/build/${target.buildId}/atom/${target.atomId}`;
    case 'job':
      return `/ui/job/${target.jobId}`;
    case 'unknown':
      return target.path;
    default:
      return `/ui/${target.page}`;
  }
}

/** Whether a path of this origin belongs to the dashboard, and not to the API or its files. */
export function isPagePath(path: string): boolean {
  return path === '/' || path === '/ui' || (path.startsWith('/ui/') && !path.startsWith('/ui/assets/'));
}
