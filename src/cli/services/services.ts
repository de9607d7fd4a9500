import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { hasCode } from '../../lib/error-code.js';
import { replaceFile } from '../../lib/fs/atomic-file.js';
import { readRegularFile } from '../../lib/fs/read/read-regular-file.js';
import type { Logger } from '../../lib/logger.js';
import { isSameProcess, processIdentity } from '../../lib/process-identity.js';
import { messageOf } from '../../protocol/errors.js';

/*
 * Each master and slave registers itself in a file of <base_directory>/services while it runs, so that
 * `clusterrunner stop` finds it, and other commands find the master on any port.
 */

const ServiceSchema = Type.Object({
  /** 'cluster': the cluster of a `build` command, which ends with it. */
  kind: Type.Union([Type.Literal('master'), Type.Literal('slave'), Type.Literal('cluster')]),
  pid: Type.Integer({ minimum: 1 }),
  /** See processIdentity; missing in files of older versions. */
  identity: Type.Optional(Type.String()),
  /** The port of the master's API. */
  port: Type.Union([Type.Integer({ minimum: 1, maximum: 65_535 }), Type.Null()]),
});
export type RunningService = Static<typeof ServiceSchema>;

/**
 * Registers this process, so that `stop` and `build` find it. On a disk that cannot be written the process goes on
 * without it, with a warning. @returns a function to be called when it ends
 */
export function registerService(
  baseDirectory: string,
  kind: RunningService['kind'],
  port: RunningService['port'],
  log: Logger,
): () => void {
  const file = fileOf(baseDirectory, process.pid);
  const service = { kind, pid: process.pid, port, identity: processIdentity(process.pid) };
  try {
    mkdirSync(join(baseDirectory, 'services'), { recursive: true, mode: 0o700 });
    replaceFile(file, JSON.stringify(service));
  } catch (error) {
    if (!hasCode(error, 'ENOSPC', 'EDQUOT', 'EROFS')) {
      throw error;
    }
    log.warn(
      `Commands on this machine will not find this ${kind}, since ${file} cannot be written: ${messageOf(error)}`,
    );
  }
  return () => rmSync(file, { force: true });
}

/** The running services of this base directory. Files of processes that have ended are removed. */
export function runningServices(baseDirectory: string): RunningService[] {
  const directory = join(baseDirectory, 'services');
  return filesIn(directory).flatMap((name) => {
    const file = join(directory, name);
    const service = readService(file);
    if (service !== null && isServiceProcess(service)) {
      return [service];
    }
    rmSync(file, { force: true, recursive: true });
    return [];
  });
}

function filesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith('.json')) : [];
}

/** null for a file of another version, a truncated one, and anything that is no file. */
function readService(file: string): RunningService | null {
  try {
    const service: unknown = JSON.parse(readRegularFile(file));
    return Value.Check(ServiceSchema, service) ? service : null;
  } catch (error) {
    const isNoFile = hasCode(error, 'NOT_A_FILE', 'ENXIO');
    if (error instanceof SyntaxError || isNoFile || !existsSync(file)) {
      return null;
    }
    throw error;
  }
}

/** Whether the service still runs; its process id may belong to another process by now. */
export function isServiceProcess({ pid, identity }: RunningService): boolean {
  return identity === undefined ? processIdentity(pid) !== null : isSameProcess(identity);
}

function fileOf(baseDirectory: string, pid: number): string {
  return join(baseDirectory, 'services', `${pid}.json`);
}
