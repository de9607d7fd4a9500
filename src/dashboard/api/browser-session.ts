import { computed, effect, signal } from '@preact/signals';
import type { ResponseOf } from '../../protocol/route.js';
import type { routes } from '../../protocol/routes.js';
import { address, navigate, target } from '../router/location.js';
import { returnPath } from '../router/return-path.js';
import { getJson, sendJson } from './api-calls.js';
import { ApiProblem } from './api-problem.js';
import { retryLiveUpdates } from './live-updates.js';
import { masterStatus } from './master-status.js';

/* The token of this browser, and its permissions. The token itself is in a cookie that no script can read. */

type Permissions = ResponseOf<typeof routes.getSession>;

const permissions = signal<Permissions | null>(null);

/** Whether the actions of the page would be permitted. */
export const mayAct = computed(() => permissions.value?.may_act === true);
/** Whether there is a session to end. */
export const isSignedIn = computed(() => (permissions.value?.expires ?? null) !== null);
/** Why the token of a link was refused. */
export const linkProblem = signal<ApiProblem | null>(null);

/** Whether a session has ended without signing out, where reading goes on. */
export const hasSessionEnded = signal(false);
let wasSignedIn = false;

const AFTER_EXPIRY_MS = 1_000;
/** Timers stand still while a machine sleeps, so none is long. */
const LONGEST_TIMER_MS = 60_000;
let expiry: ReturnType<typeof setTimeout> | undefined;

function accept(granted: Permissions): void {
  const { expires } = granted;
  permissions.value = granted;
  hasSessionEnded.value = expires === null && (wasSignedIn || hasSessionEnded.value);
  wasSignedIn = expires !== null;
  clearTimeout(expiry);
  if (expires !== null) {
    awaitEnd(expires);
  }
}

function awaitEnd(expires: number): void {
  const ms = Math.max(expires * 1000 - Date.now() + AFTER_EXPIRY_MS, AFTER_EXPIRY_MS);
  expiry =
    ms > LONGEST_TIMER_MS
      ? setTimeout(() => awaitEnd(expires), LONGEST_TIMER_MS)
      : setTimeout(loadSession, ms);
}

/** Asks for the permissions again, such as after a refusal. null while the master is away. */
export async function loadSession(): Promise<Permissions | null> {
  try {
    accept(await getJson('/v1/session', { params: {} }));
    return permissions.value;
  } catch (error) {
    if (!(error instanceof ApiProblem)) {
      throw error;
    }
    // The banner says that the master is away; permissions are asked for again when it is back.
    permissions.value = null;
    return null;
  }
}

/** @throws ApiProblem */
export async function signIn(token: string): Promise<void> {
  accept(await sendJson('POST', '/v1/session', {}, { token: token.trim() }));
  masterStatus.value = 'here';
  retryLiveUpdates();
}

/** Does nothing while the master is away. */
export async function signOut(): Promise<void> {
  try {
    await sendJson('DELETE', '/v1/session', {}, undefined);
    wasSignedIn = false;
  } catch (error) {
    if (!(error instanceof ApiProblem)) {
      throw error;
    }
  }
  await loadSession();
}

/** The path of the page to sign in, which then returns to the current one. */
export function signInPath(): string {
  const { pathname, search, hash } = address.value;
  return `/ui/login?to=${encodeURIComponent(returnPath(pathname + search + hash))}`;
}

/**
 * Begins the session that a link has in its fragment, and leads to the page to sign in whenever the master asks for a token.
 * Resolves when the first page can be shown.
 */
export async function startSession(): Promise<void> {
  // A link that is opened where its page is shown already changes the fragment alone.
  window.addEventListener('hashchange', takeToken);
  await takeToken();
  effect(() => {
    if (masterStatus.value === 'signed-out' && target.peek().page !== 'login') {
      navigate(`${signInPath()}&required=1`, { replace: true });
    }
    if (masterStatus.value === 'here' && permissions.peek() === null) {
      loadSession();
    }
  });
}

/** Signs in with the token in the fragment of the address, if there is one. */
async function takeToken(): Promise<void> {
  const token = /^#token=(.*)$/.exec(window.location.hash)?.[1];
  if (token === undefined) {
    return;
  }
  // Before anything else, so that it is in no history.
  navigate(window.location.pathname + window.location.search, { replace: true });
  await signIn(decoded(token)).catch((error: unknown) => {
    if (!(error instanceof ApiProblem)) {
      throw error;
    }
    linkProblem.value = error;
    navigate(signInPath(), { replace: true });
  });
}

/** A text that is not correctly escaped stays as it is; the master refuses it with a reason. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
