import type { BodyOf, ParamsOf, QueryOf, ResponseOf } from '../../protocol/route.js';
import type { RouteName, routes } from '../../protocol/routes.js';
import { type ApiProblem, awayProblem, problemOfResponse } from './api-problem.js';
import { masterStatus, mayAsk } from './master-status.js';
import { requestTarget } from './request-target.js';

/* Calls of the master's API. Paths, parameters and responses have the types of the declared routes. */

type Declared = (typeof routes)[RouteName];
type Method = Declared['method'];
/** The paths that are declared for a method. */
type PathOf<M extends Method> = Extract<Declared, { readonly method: M }>['path'];
type RouteAt<M extends Method, P> = Extract<Declared, { readonly method: M; readonly path: P }>;
type Values = Readonly<Record<string, string | number | boolean | undefined>>;

export interface GetOptions<R extends Declared> {
  readonly params: ParamsOf<R>;
  readonly query?: QueryOf<R>;
  readonly signal?: AbortSignal;
}

/** @throws ApiProblem; AbortError when `signal` is aborted */
export async function getJson<const P extends PathOf<'GET'>>(
  path: P,
  options: GetOptions<RouteAt<'GET', P>>,
): Promise<ResponseOf<RouteAt<'GET', P>>> {
  const { params, query, signal } = options;
  return await exchange(requestTarget(path, valuesOf(params), valuesOf(query)), {
    method: 'GET',
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Sends a change. @throws ApiProblem */
export async function sendJson<const M extends Exclude<Method, 'GET'>, const P extends PathOf<M>>(
  method: M,
  path: P,
  params: ParamsOf<RouteAt<M, P>>,
  body: BodyOf<RouteAt<M, P>>,
): Promise<ResponseOf<RouteAt<M, P>>> {
  return await exchange(requestTarget(path, valuesOf(params), {}), {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
}

/** The path of a download of the API, for a link. */
export function linkTo<const P extends PathOf<'GET'>>(
  path: P,
  options: GetOptions<RouteAt<'GET', P>>,
): string {
  return requestTarget(path, valuesOf(options.params), valuesOf(options.query));
}

function valuesOf(declared: object | undefined): Values {
  return { ...declared };
}

/** The master that serves this page declares the response, so its form is not checked again. */
async function exchange<T>(requested: string, init: RequestInit): Promise<T> {
  if (init.method === 'GET' && !mayAsk()) {
    throw awayProblem();
  }
  const response = await fetchResponse(requested, init);
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const problem = problemOfResponse(response.status, body);
    // A change may need more than this session permits, while reading goes on.
    if (response.status !== 401 || init.method === 'GET') {
      noteProblem(problem);
    }
    throw problem;
  }
  masterStatus.value = 'here';
  return body as T;
}

async function fetchResponse(requested: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(requested, {
      ...init,
      headers: { ...init.headers, Accept: 'application/json' },
      cache: 'no-cache',
    });
  } catch (error) {
    if (init.signal?.aborted === true) {
      throw error;
    }
    const problem = awayProblem();
    noteProblem(problem);
    throw problem;
  }
}

function noteProblem({ status }: ApiProblem): void {
  if (status === 401) {
    masterStatus.value = 'signed-out';
  } else if (status === 0) {
    masterStatus.value = 'away';
  }
}
