import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MasterSettings } from '../../config/schema.js';
import { CleanupStack } from '../../lib/async/cleanup-stack.js';
import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import { removeTree } from '../../lib/fs/remove-tree.js';
import type { Logger } from '../../lib/logger.js';
import { version } from '../../lib/version.js';
import { type App, createApp } from '../../master/http/app.js';
import { listen } from '../../master/http/listen.js';
import { openPastBuilds, type PastBuilds } from '../../master/past-builds.js';
import { databaseStamp } from '../../master/store/engine/copy-database.js';
import { messageOf } from '../../protocol/errors.js';
import type { Secrets } from '../../protocol/signing/secrets.js';
import type { BuildStore } from './build-stores.js';

const LOOPBACK = '127.0.0.1';
/** How soon builds that were made meanwhile are shown. */
const LOOK_EVERY_MS = 1_000;

export interface PastBuildsServerOptions {
  readonly store: BuildStore;
  /** An empty folder of this server. Its owner removes it. */
  readonly scratch: string;
  /** 0: any free one. */
  readonly port: number;
  readonly secrets: Secrets;
  readonly settings: MasterSettings;
  /** Whether a master uses the store now, whose writes are not to be followed. */
  readonly isInUse: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface PastBuildsServer {
  readonly url: string;
  readonly numBuilds: number;
  close(): Promise<void>;
}

/** The builds of one moment, and the server of them. */
interface Edition {
  readonly builds: PastBuilds;
  readonly app: App;
  readonly scratch: string;
}

/**
 * Serves the API and the page of past builds on loopback. When a master has used the store meanwhile, and has ended, it goes
 * on with the builds as they are then.
 * @throws ClusterRunnerError PORT_IN_USE, and as openPastBuilds
 */
export async function servePastBuilds(options: PastBuildsServerOptions): Promise<PastBuildsServer> {
  const cleanup = new CleanupStack();
  try {
    const editions = new Editions(options);
    cleanup.add(() => editions.close());
    const first = await editions.open();
    const app = {
      ...first.app,
      handle: (...call) => editions.current.app.handle(...call),
      stop: () => editions.current.app.stop(),
    } satisfies App;
    const server = await listen(app, { port: options.port, explicit: true, hostname: LOOPBACK });
    cleanup.add(() => server.close());
    const end = new AbortController();
    const following = editions.follow(end.signal);
    cleanup.add(() => {
      end.abort();
      return following;
    });
    const { total } = await first.builds.listBuilds({ offset: 0, limit: 1 });
    return {
      url: `http://${LOOPBACK}:${server.port}`,
      numBuilds: total,
      close: () => cleanup.releaseAll(),
    };
  } catch (error) {
    await cleanup.releaseAll();
    throw error;
  }
}

/** The current edition, and the one before it, whose responses may still be under way. */
class Editions {
  readonly #options: PastBuildsServerOptions;
  #number = 0;
  #current: Edition | null = null;
  #previous: Edition | null = null;

  constructor(options: PastBuildsServerOptions) {
    this.#options = options;
  }

  get current(): Edition {
    if (this.#current === null) {
      throw new Error('No edition is open.');
    }
    return this.#current;
  }

  /** Opens the builds as they are now. @throws ClusterRunnerError as openPastBuilds */
  async open(): Promise<Edition> {
    const { store, clock, log, settings, secrets } = this.#options;
    this.#number += 1;
    const scratch = join(this.#options.scratch, String(this.#number));
    mkdirSync(scratch, { recursive: true, mode: 0o700 });
    const { directory } = store;
    const builds = await openPastBuilds({ directory, scratch, clock, random: Math.random, log, settings });
    const app = createApp({
      service: builds,
      reading: builds,
      secrets,
      settings,
      hostNames: [],
      rememberNonce: (nonce, expires) => builds.rememberNonce(nonce, expires),
      clock,
      log,
      temporaryDirectory: join(scratch, 'incoming'),
      version,
    });
    await closeEdition(this.#previous);
    this.#previous = this.#current;
    this.#current = { builds, app, scratch };
    // Clients that wait for a change ask again, and get the new builds.
    this.#previous?.app.stop();
    return this.#current;
  }

  /** Opens the builds again whenever a master has changed them. Resolves when `end` is aborted. */
  async follow(end: AbortSignal): Promise<void> {
    const { store, isInUse, clock, log } = this.#options;
    let failed: string | null = null;
    while (await sleepUnlessAborted(clock, LOOK_EVERY_MS, end)) {
      const stamp = databaseStamp(store.database);
      if (stamp === null || stamp === this.current.builds.stamp || stamp === failed || isInUse()) {
        continue;
      }
      try {
        await this.open();
        failed = null;
      } catch (error) {
        failed = stamp;
        log.warn(`The builds of ${store.directory} are shown as they were: ${messageOf(error)}`);
      }
    }
  }

  async close(): Promise<void> {
    await closeEdition(this.#previous);
    await closeEdition(this.#current);
  }
}

async function closeEdition(edition: Edition | null): Promise<void> {
  await edition?.builds.close();
  if (edition !== null) {
    await removeTree(edition.scratch);
  }
}
