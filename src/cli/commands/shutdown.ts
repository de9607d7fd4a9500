import type { MasterClient } from '../../client/master-client.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { type SlaveId, toId } from '../../protocol/ids.js';
import { MAX_PAGE } from '../../protocol/routes.js';
import type { Slave } from '../../protocol/slave/slave-messages.js';
import { printJson, type ReaderOptions, withClient } from '../client-command.js';

export interface ShutdownOptions extends ReaderOptions {
  readonly all?: boolean;
  /** The name of `all` in ClusterRunner 0.x. */
  readonly allSlaves?: boolean;
  readonly slaveId?: readonly string[];
}

/** `clusterrunner shutdown SLAVE... | --all`: slaves finish what they run, take no more, and exit. */
export async function shutdown(named: readonly string[], options: ShutdownOptions): Promise<void> {
  const slaves = [...named, ...(options.slaveId ?? [])];
  const isAll = options.all === true || options.allSlaves === true;
  if (isAll === slaves.length > 0) {
    throw new ClusterRunnerError(
      'USAGE',
      'Name the slaves that are to leave, by number or by name (`clusterrunner status` lists them), or give --all.',
    );
  }
  const ids = await withClient('shutdown', options, async (client) =>
    client.drainSlaves(isAll ? 'all' : await chosen(client, slaves)),
  );
  if (options.json) {
    printJson({ slave_ids: ids });
  } else if (ids.length === 0) {
    process.stdout.write('No slave is connected.\n');
  } else {
    for (const id of ids) {
      process.stdout.write(`Slave ${id} finishes what it runs, takes no more, and leaves.\n`);
    }
  }
}

async function chosen(client: MasterClient, names: readonly string[]): Promise<SlaveId[]> {
  const needsList = names.some((name) => !isNumber(name));
  return slavesNamed(names, needsList ? await connected(client) : []);
}

/**
 * The ids of slaves that are named by id or name. A name means all slaves that share it, as on one machine.
 * @throws ClusterRunnerError USAGE for an unknown name
 */
export function slavesNamed(
  names: readonly string[],
  slaves: readonly Pick<Slave, 'id' | 'name'>[],
): SlaveId[] {
  const ids = names.flatMap((name) => {
    if (isNumber(name)) {
      return [toId.slave(Number(name))];
    }
    const found = slaves.filter((slave) => slave.name === name);
    if (found.length === 0) {
      throw new ClusterRunnerError(
        'USAGE',
        `No slave called "${name}" is connected; \`clusterrunner status\` lists them.`,
      );
    }
    return found.map(({ id }) => id);
  });
  return [...new Set(ids)];
}

async function connected(client: MasterClient): Promise<Slave[]> {
  const all: Slave[] = [];
  for (;;) {
    const { slaves, total } = await client.listSlaves({ offset: all.length, limit: MAX_PAGE });
    all.push(...slaves);
    if (slaves.length === 0 || all.length >= total) {
      return all.filter(({ state }) => state !== 'GONE');
    }
  }
}

function isNumber(name: string): boolean {
  return /^[1-9]\d{0,14}$/.test(name);
}
