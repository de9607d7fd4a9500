import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CleanupStack } from '../../src/lib/async/cleanup-stack.js';
import { atExit } from './at-exit.js';

/** A folder for one run, with the environment that makes processes of the program keep their files there. */
export interface Workplace {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** The secret of masters that are started with `env`. */
  readonly secret: string;
  /** Released before the folder is removed. */
  readonly cleanup: CleanupStack;
}

/** Runs `work` in a new folder, which is removed afterwards in any case. */
export async function inWorkplace(name: string, work: (place: Workplace) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  const cleanup = new CleanupStack();
  const remove = () => rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  const forget = atExit(remove);
  cleanup.add(async () => {
    remove();
    forget();
  });
  const secret = randomBytes(16).toString('hex');
  const env = {
    ...process.env,
    CLUSTERRUNNER_BASE_DIRECTORY: join(home, 'base'),
    CLUSTERRUNNER_SECRET: secret,
    CLUSTERRUNNER_SLAVE_PORT: '0',
    CLUSTERRUNNER_LOG_LEVEL: 'warn',
    // So that no other master of this machine is found.
    CLUSTERRUNNER_MASTER_PORT: '1',
  };
  try {
    await work({ home, env, secret, cleanup });
  } finally {
    await cleanup.releaseAll();
  }
}
