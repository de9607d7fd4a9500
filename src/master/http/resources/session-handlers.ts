import type { Handlers } from '../handler.js';

type SessionRoutes = 'getSession' | 'beginSession' | 'endSession';

export function sessionHandlers(): Pick<Handlers, SessionRoutes> {
  return {
    getSession: async ({ session, setHeader }) => {
      setHeader('Cache-Control', 'no-store');
      return session.permissions();
    },
    beginSession: async ({ session, body }) => session.signIn(body.token),
    endSession: async ({ session }) => {
      session.signOut();
      return {};
    },
  };
}
