import { durationSeconds } from '../../job/duration.js';
import { seconds, systemClock } from '../../lib/clock.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { makeAccessToken } from '../../protocol/signing/access-token.js';
import { printJson } from '../client-command.js';
import { type CommonOptions, createContext } from '../context.js';

export interface TokenOptions extends CommonOptions {
  readonly expiresIn?: string;
  readonly control?: boolean;
  readonly json?: boolean;
}

/** A control token is worth more to a thief. */
const defaultLifetimes = { read: '30d', control: '7d' } as const;
const DAY_SECONDS = 86_400;
const MAX_SECONDS = 366 * DAY_SECONDS;

/** `clusterrunner token`: prints a token for masters with the secret of this machine. */
export async function token(options: TokenOptions): Promise<void> {
  const { config } = createContext('token', options, {}, 'warn');
  const kind = options.control === true ? 'control' : 'read';
  const lifetime = lifetimeOf(options.expiresIn ?? defaultLifetimes[kind]);
  const expires = Math.floor(seconds(systemClock.now())) + lifetime;
  const made = makeAccessToken(kind, config.secret, expires);
  if (options.json === true) {
    printJson({ token: made, expires });
  } else {
    process.stdout.write(`${made}\n`);
  }
}

function lifetimeOf(text: string): number {
  const days = /^(\d{1,4})d$/.exec(text)?.[1];
  const isShort = /^\d{1,7}[smh]$/.test(text);
  const lifetime =
    days === undefined ? (isShort ? durationSeconds(text) : Number.NaN) : Number(days) * DAY_SECONDS;
  if (!(lifetime >= 1 && lifetime <= MAX_SECONDS)) {
    throw new ClusterRunnerError(
      'USAGE',
      `"${text}" is not how long a token can be valid; give something like 90s, 10m, 8h or 30d, at most 366d.`,
    );
  }
  return lifetime;
}
