import { Type } from '@sinclair/typebox';
import { declareRoute } from '../route.js';
import { Nullable } from '../shapes.js';
import { closed, nothing } from './shared.js';

const permissions = Type.Object({
  may_read: Type.Boolean(),
  may_act: Type.Boolean({
    description: 'Whether it may cancel and rerun builds, and drain slaves.',
  }),
  expires: Nullable(Type.Number({ description: 'Seconds since the epoch; null for what does not expire.' })),
});

/** The session of a browser: a token in a cookie. */
export const sessionRoutes = {
  getSession: declareRoute({
    method: 'GET',
    path: '/v1/session',
    signing: 'none',
    isOpen: true,
    summary: 'The permissions that the credentials of this request give.',
    params: nothing,
    query: nothing,
    body: null,
    status: 200,
    response: permissions,
  }),
  beginSession: declareRoute({
    method: 'POST',
    path: '/v1/session',
    signing: 'none',
    isOpen: true,
    summary: 'Keeps a token in a cookie of the browser, until it expires.',
    params: nothing,
    query: nothing,
    body: Type.Object({ token: Type.String({ maxLength: 200 }) }, closed),
    status: 200,
    response: permissions,
  }),
  endSession: declareRoute({
    method: 'DELETE',
    path: '/v1/session',
    signing: 'none',
    isOpen: true,
    summary: 'Removes that cookie.',
    params: nothing,
    query: nothing,
    body: null,
    status: 200,
    response: nothing,
  }),
} as const;
