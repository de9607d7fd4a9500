import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ifPresent } from '../../lib/error-code.js';
import { readRegularFile } from '../../lib/fs/read/read-regular-file.js';
import { isSameProcess } from '../../lib/process-identity.js';
import { type RunningService, runningServices } from '../services/services.js';

/** A directory in which a master has kept builds. */
export interface BuildStore {
  /** How users name it: `master`, or `cluster-1` for the cluster of one command with that directory. */
  readonly name: string;
  /** The directory of the master. */
  readonly directory: string;
  /** Its database. */
  readonly database: string;
  /** The file that names the process of a cluster of one command; null for a master. */
  readonly owner: string | null;
}

const CLUSTER = /^cluster-[1-9]\d{0,3}$/;

/** The stores of a base directory, the one that was written last first. */
export function buildStores(baseDirectory: string): BuildStore[] {
  const local = join(baseDirectory, 'local');
  const clusters = (ifPresent(() => readdirSync(local)) ?? []).filter((name) => CLUSTER.test(name));
  return [
    storeIn('master', join(baseDirectory, 'master'), null),
    ...clusters.map((name) => storeIn(name, join(local, name, 'master'), join(local, name, 'owner'))),
  ]
    .filter(({ database }) => existsSync(database))
    .map((store) => ({ store, at: writtenAt(store) }))
    .sort((a, b) => b.at - a.at)
    .map(({ store }) => store);
}

function storeIn(name: string, directory: string, owner: string | null): BuildStore {
  return { name, directory, database: join(directory, 'master.db'), owner };
}

function writtenAt({ database }: BuildStore): number {
  const parts = [database, `${database}-wal`];
  return Math.max(...parts.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0));
}

/** Whether a process uses the store, and the port of its API where that is known. */
export function userOf(
  { owner }: BuildStore,
  baseDirectory: string,
): { readonly port: number | null } | null {
  const services = runningServices(baseDirectory);
  if (owner === null) {
    return services.find(({ kind }) => kind === 'master') ?? null;
  }
  const identity = ifPresent(() => readRegularFile(owner));
  if (identity === null || !isSameProcess(identity)) {
    return null;
  }
  const isOwner = (service: RunningService) => service.kind === 'cluster' && service.identity === identity;
  return services.find(isOwner) ?? { port: null };
}
