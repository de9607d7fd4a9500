import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadedConfig } from '../../config/load.js';
import { CleanupStack } from '../../lib/async/cleanup-stack.js';
import { systemClock } from '../../lib/clock.js';
import { hasCode } from '../../lib/error-code.js';
import { lockFreeDirectory } from '../../lib/fs/directory-lock.js';
import { removeTree } from '../../lib/fs/remove-tree.js';
import type { Logger } from '../../lib/logger.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { DASHBOARD } from '../../protocol/routes.js';
import { fixedSecrets } from '../../protocol/signing/secrets.js';
import { masterUrlAt } from '../build/request/master-on-this-machine.js';
import { parseNumber, printJson } from '../client-command.js';
import { type CommonOptions, createContext } from '../context.js';
import { untilStopped } from '../services/stop-signals.js';
import { type BuildStore, buildStores, userOf } from '../ui/build-stores.js';
import { openLink } from '../ui/open-link.js';
import { linkToken, pageLink } from '../ui/page-link.js';
import { servePastBuilds } from '../ui/past-builds-server.js';

export interface UiOptions extends CommonOptions {
  readonly port?: string;
  readonly open?: boolean;
  readonly json?: boolean;
}

/** The builds of one store, and where they are shown. */
interface View {
  readonly name: string;
  readonly directory: string;
  readonly link: string;
  /** null when a master runs there. */
  readonly num_builds: number | null;
}

const MAX_PORT = 65_535;
const SECRET_BYTES = 32;
const BUILDS = `${DASHBOARD}/builds`;

/**
 * `clusterrunner ui [STORE]`: shows the builds that masters of this base directory have left, until a stop signal. Where a
 * master runs, it names that master's page instead.
 */
export async function ui(name: string | undefined, options: UiOptions): Promise<void> {
  const { config, log } = createContext('ui', options, {}, 'warn');
  const port = portOf(options.port);
  const stores = chosenStores(config.baseDirectory, name);
  if (port !== 0 && stores.length > 1) {
    throw new ClusterRunnerError(
      'USAGE',
      `--port is for one of ${namesOf(stores)}, and ${config.baseDirectory} has all of these; name one, as in \`clusterrunner ui ${stores[0]?.name}\`.`,
    );
  }
  const cleanup = new CleanupStack();
  try {
    const stopped = untilStopped();
    const views = await show(stores, port, config, log, cleanup);
    const isServing = views.some(({ num_builds: builds }) => builds !== null);
    print(views, isServing, options);
    const [first] = views;
    if (options.open === true && first !== undefined) {
      openLink(first.link, (message) => process.stderr.write(`clusterrunner: ${message}\n`));
    }
    if (isServing) {
      await stopped;
    }
  } finally {
    await cleanup.releaseAll();
  }
}

function portOf(text: string | undefined): number {
  const port = text === undefined ? 0 : parseNumber(text, 'a port', 0);
  if (port > MAX_PORT) {
    throw new ClusterRunnerError('USAGE', `${port} is no port; give a number up to ${MAX_PORT}.`);
  }
  return port;
}

/** @throws ClusterRunnerError USAGE when there is nothing to show */
function chosenStores(baseDirectory: string, name: string | undefined): BuildStore[] {
  const stores = buildStores(baseDirectory);
  if (stores.length === 0) {
    throw new ClusterRunnerError(
      'USAGE',
      `${baseDirectory} has no builds yet: \`clusterrunner build\` makes the first, and base_directory says where others are.`,
    );
  }
  const chosen = stores.filter((store) => name === undefined || store.name === name);
  if (chosen.length === 0) {
    throw new ClusterRunnerError(
      'USAGE',
      `There is no "${name}" in ${baseDirectory}: it has ${namesOf(stores)}.`,
    );
  }
  return chosen;
}

function namesOf(stores: readonly BuildStore[]): string {
  return stores.map(({ name }) => name).join(', ');
}

/** In the order of the stores. One that cannot be read is an error only if there is no other. */
async function show(
  stores: readonly BuildStore[],
  port: number,
  config: LoadedConfig,
  log: Logger,
  cleanup: CleanupStack,
): Promise<View[]> {
  const { baseDirectory, master: settings } = config;
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const token = linkToken('read', secret);
  let scratch: string | null = null;
  const views: View[] = [];
  const failures: unknown[] = [];
  for (const store of stores) {
    const { name, directory } = store;
    const user = userOf(store, baseDirectory);
    if (user !== null) {
      views.push(...viewOfRunning(store, user.port, config));
      continue;
    }
    scratch ??= scratchFolder(baseDirectory, cleanup);
    try {
      const server = await servePastBuilds({
        store,
        scratch: join(scratch, name),
        port,
        // The builds are in folders that only this user can read.
        settings: { ...settings, readAccess: 'signed' },
        // Links of this command open nothing else, and clients with the usual secret can read here too.
        secrets: fixedSecrets(config.secret, secret),
        isInUse: () => userOf(store, baseDirectory) !== null,
        clock: systemClock,
        log,
      });
      cleanup.add(() => server.close());
      views.push({
        name,
        directory,
        link: pageLink(server.url, BUILDS, token),
        num_builds: server.numBuilds,
      });
    } catch (error) {
      if (!(error instanceof ClusterRunnerError)) {
        throw error;
      }
      failures.push(error);
      log.warn(error.message);
    }
  }
  if (views.length === 0) {
    throw failures[0];
  }
  return views;
}

/** Empty for a master that is not found, since it has just been started or its registration failed. */
function viewOfRunning({ name, directory }: BuildStore, port: number | null, config: LoadedConfig): View[] {
  if (port === null) {
    return [];
  }
  const url = name === 'master' ? masterUrlAt(config, port) : `http://127.0.0.1:${port}`;
  return [{ name, directory, link: pageLink(url, BUILDS, null), num_builds: null }];
}

/**
 * A private folder for copies of stores: on the same disk, which may share their blocks. It is swept by the next command if
 * this one is killed. Where the base directory cannot be written, a temporary one.
 */
function scratchFolder(baseDirectory: string, cleanup: CleanupStack): string {
  try {
    const claim = lockFreeDirectory(join(baseDirectory, 'ui'), 'ui');
    const path = join(claim.path, 'scratch');
    cleanup.add(() => claim.release());
    cleanup.add(() => removeTree(path));
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  } catch (error) {
    if (!hasCode(error, 'EROFS', 'EACCES', 'EPERM')) {
      throw error;
    }
    const path = mkdtempSync(join(tmpdir(), 'clusterrunner-ui-'));
    cleanup.add(() => removeTree(path));
    return path;
  }
}

function print(views: readonly View[], isServing: boolean, { json, quiet }: UiOptions): void {
  if (json === true) {
    printJson({ views });
    return;
  }
  for (const { name, directory, link, num_builds: builds } of views) {
    const what =
      builds === null
        ? `The master of ${directory} runs, and shows its builds itself`
        : `${builds} ${builds === 1 ? 'build' : 'builds'} of ${name === 'master' ? 'the master' : '`clusterrunner build` without a master'}, in ${directory}`;
    process.stdout.write(`${what}:\n  ${link}\n`);
  }
  if (isServing && quiet !== true) {
    process.stdout.write('Nothing of them is changed. Ctrl-C ends this.\n');
  }
}
