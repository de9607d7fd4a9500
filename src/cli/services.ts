import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

/*
 * Each master and slave notes itself in a file of <base_directory>/services while it runs, so that
 * `clusterrunner stop` finds it.
 */

const ServiceSchema = Type.Object({
  kind: Type.Union([Type.Literal('master'), Type.Literal('slave')]),
  pid: Type.Integer({ minimum: 1 }),
});
export type Service = Static<typeof ServiceSchema>;

/** Notes this process; call the result when it ends. */
export function noteService(baseDirectory: string, kind: Service['kind']): () => void {
  const file = fileOf(baseDirectory, process.pid);
  mkdirSync(join(baseDirectory, 'services'), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify({ kind, pid: process.pid }));
  return () => rmSync(file, { force: true });
}

/** The services of this base directory that run. Notes of processes that are gone are removed. */
export function runningServices(baseDirectory: string): Service[] {
  const directory = join(baseDirectory, 'services');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return readdirSync(directory).flatMap((name) => {
    const file = join(directory, name);
    const service: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (Value.Check(ServiceSchema, service) && isServiceProcess(service)) {
      return [service];
    }
    rmSync(file, { force: true });
    return [];
  });
}

/** A process number may belong to somebody else by now: where the system shows command lines, they decide. */
export function isServiceProcess(service: Service): boolean {
  try {
    process.kill(service.pid, 0);
  } catch {
    // ESRCH: gone. EPERM: not ours to stop. Either way it is no service of this user.
    return false;
  }
  try {
    return readFileSync(`/proc/${service.pid}/cmdline`, 'utf8').split('\0').includes(service.kind);
  } catch {
    // No /proc on this system, or the process ended just now; the signal that follows finds out.
    return true;
  }
}

function fileOf(baseDirectory: string, pid: number): string {
  return join(baseDirectory, 'services', `${pid}.json`);
}
