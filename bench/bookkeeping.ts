import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../src/lib/clock.js';
import { createLogger } from '../src/lib/logger.js';
import { createMaster, type Master } from '../src/master/master.js';
import type { SlaveId } from '../src/protocol/ids.js';
import { PROTOCOL } from '../src/protocol/slave/protocol-version.js';
import type { RunAssignment, WorkResponse } from '../src/protocol/slave/slave-messages.js';
import { ranIn } from '../test/support/ran-in.js';
import { settings } from '../test/support/settings.js';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { round } from './support/statistics.js';
import { inWorkplace } from './support/workplace.js';

/*
 * CPU time of the master's bookkeeping per subjob, without HTTP: hand-outs and results of a build go directly into the
 * service, with its real store and disk. Since it does nothing else, it is the best comparison of two versions.
 *
 *   node dist/bench/bookkeeping.js [--quick] [--json FILE] [--rounds N]
 */

const SLAVES = 10;
const EXECUTORS = 4;
const options = benchOptions(3);
const numAtoms = options.quick ? 400 : 20_000;
const definition = { commands: ['true'], atomizers: [{ TEST: 'list-tests' }] };
const staying = new AbortController().signal;

class Asking {
  #nonces = 0;
  #polls = 0;
  readonly #master: Master;
  readonly #slave: SlaveId;
  readonly #instance: string;

  constructor(master: Master, slave: SlaveId, instance: string) {
    this.#master = master;
    this.#slave = slave;
    this.#instance = instance;
  }

  /** As every request does. */
  spendNonce(): void {
    this.#nonces += 1;
    this.#master.rememberNonce(`${this.#instance}-${this.#nonces}`, systemClock.now() / 1000 + 60);
  }

  ask(): Promise<WorkResponse> {
    this.spendNonce();
    this.#polls += 1;
    const nothing = { wait_seconds: 0, leases: [], builds: [], open_polls: [] };
    const request = { ...nothing, instance: this.#instance, free_executors: EXECUTORS, poll: this.#polls };
    return this.#master.askForWork(this.#slave, request, staying);
  }

  async deliver({ build_id, subjob_id, lease, atoms }: RunAssignment, home: string): Promise<void> {
    this.spendNonce();
    const temporaryPath = join(home, `${lease.lease_id}.incoming`);
    writeFileSync(temporaryPath, 'archive');
    const verdicts = atoms.map(({ id }) => ({ id, exit_code: 0, actual_time: 1 }));
    const report = { lease, atoms: verdicts, ran_in: ranIn, index: { members: [], consoles: [] } };
    await this.#master.acceptResult(this.#slave, build_id, subjob_id, report, {
      temporaryPath,
      bytes: 7,
      addedMembers: [],
      entryListPath: null,
    });
  }
}

async function measure(home: string): Promise<Row> {
  const master = await createMaster({
    directory: join(home, 'master'),
    clock: systemClock,
    random: Math.random,
    log: createLogger({ level: 'error', name: 'bench' }),
    settings: { ...settings, unresponsiveSlavesCleanupInterval: 3600 },
  });
  const slaves: Asking[] = [];
  for (let number = 0; number < SLAVES; number += 1) {
    const instance = `instance-${number}`;
    const register = {
      name: instance,
      instance,
      num_executors: EXECUTORS,
      url: null,
      version: '1',
      protocol: PROTOCOL,
    };
    slaves.push(new Asking(master, (await master.registerSlave(register)).slave_id, instance));
  }
  await master.createBuild({ type: 'directory', project_directory: '/p', job_name: 'J', config: definition });
  const [preparation] = (await slaves[0]?.ask())?.assignments ?? [];
  if (preparation === undefined) {
    throw new Error('There is nothing to prepare.');
  }
  const { lease, build_id } = preparation;
  const atoms = Array.from({ length: numAtoms }, (_, n) => ({ variable: 'TEST', value: `test/${n}` }));
  const job = { name: 'J', definition };
  const [first] = await master.listSlaves({ offset: 0, limit: 1 }).then(({ slaves: listed }) => listed);
  if (first === undefined) {
    throw new Error('No slave is connected.');
  }
  await master.reportPrepared(first.id, build_id, { lease, job, commit: null, atoms });
  const before = process.cpuUsage();
  const start = performance.now();
  const work = async (slave: Asking) => {
    for (;;) {
      const { assignments } = await slave.ask();
      if (assignments.length === 0) {
        return;
      }
      await Promise.all(assignments.map((one) => (one.kind === 'run' ? slave.deliver(one, home) : null)));
    }
  };
  await Promise.all(slaves.map(work));
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  const subjobs = (await master.getBuild(build_id)).num_subjobs ?? 0;
  await master.close();
  return {
    atoms: numAtoms,
    subjobs,
    'wall ms per subjob': round(wall / subjobs, 2),
    'CPU ms per subjob': round((user + system) / 1000 / subjobs, 2),
  };
}

const report = new Report('bookkeeping', options);
const rows: Row[] = [];
for (let turn = 0; turn < options.rounds; turn += 1) {
  await inWorkplace('bookkeeping', async ({ home }) => {
    rows.push(await measure(home));
  });
}
report.table('Hand-outs and results without HTTP, each round with a store of its own', rows);
report.end();
