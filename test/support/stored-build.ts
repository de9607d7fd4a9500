import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { insertBuild, updateBuild } from '../../src/master/store/builds.js';
import { type Parameter, sql, tableOf } from '../../src/master/store/engine/sql.js';
import { openStore } from '../../src/master/store/engine/store.js';
import { change } from '../../src/master/store/engine/write.js';
import type { BuildId } from '../../src/protocol/ids.js';

export interface LargeBuild {
  readonly atoms: number;
  readonly slaves: number;
  readonly executorsPerSlave: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** When the build began, in milliseconds since the epoch. */
  readonly began: number;
}

const ATOMS_PER_SUBJOB = 10;
const PREPARATION_MS = 5_000;
const SETUP_MS = 20_000;
/** Beyond those that a test's own master has given. */
const FIRST_SLAVE = 1_001;
const FIRST_LEASE = 1_001;
const job = {
  name: 'Unit',
  definition: { commands: ['npx mocha "$TEST"'], atomizers: [{ TEST: 'find test' }] },
};
const request = {
  type: 'git',
  url: 'https://git.example.com/shop.git',
  branch: 'main',
  job_name: job.name,
} as const;
const words = ['cart', 'checkout', 'login', 'search', 'payment', 'profile', 'shipping'];

const leaseColumns = {
  id: 'integer',
  subjob: 'integer',
  slave: 'integer',
  executor: 'integer',
  taken: 'integer',
  ended: 'integer',
  setup_at: 'integer',
  setup: 'integer',
} as const;
const atomColumns = {
  id: 'integer',
  subjob: 'integer',
  value: 'text',
  exit_code: 'integer',
  seconds: 'real',
  started: 'integer',
  lease: 'integer',
  retries: 'integer',
} as const;

interface Plan {
  readonly leases: Parameter[][];
  readonly atoms: Parameter[][];
  readonly failed: number;
  readonly ended: number;
}

/**
 * Each executor sets the build up, then runs one subjob after another. The durations of atoms are spread over three orders
 * of magnitude, as in real test suites.
 */
function planOf({ atoms, slaves, executorsPerSlave, random, began }: LargeBuild): Plan {
  const executors = Array.from({ length: slaves * executorsPerSlave }, (_, index) => ({
    slave: FIRST_SLAVE + Math.floor(index / executorsPerSlave),
    index: index % executorsPerSlave,
    free: began + PREPARATION_MS,
    isNew: true,
  }));
  const plan = { leases: [] as Parameter[][], atoms: [] as Parameter[][], failed: 0, ended: began };
  const order = shuffled(atoms, random);
  for (let subjob = 0; subjob * ATOMS_PER_SUBJOB < atoms; subjob += 1) {
    const executor = executors.reduce((first, other) => (other.free < first.free ? other : first));
    const { slave, index, free: taken, isNew } = executor;
    const lease = FIRST_LEASE + 1 + subjob;
    const setup = isNew ? Math.round(SETUP_MS * (0.5 + random())) : null;
    let time = taken + (setup ?? 0) + Math.round(random() * 4);
    for (const atom of order.slice(subjob * ATOMS_PER_SUBJOB, (subjob + 1) * ATOMS_PER_SUBJOB)) {
      const ms = Math.round(10 ** (1 + 3 * random()));
      const exit = random() < 0.995 ? 0 : 1;
      const retries = exit === 0 && random() < 0.01 ? 1 : 0;
      const folder = `packages/${words[atom % 7]}/test`;
      const name = `$PROJECT_DIR/${folder}/${words[(atom >> 3) % 7]}-${atom}.test.ts`;
      plan.atoms.push([atom, subjob, name, exit, ms / 1000, time, lease, retries]);
      plan.failed += exit;
      time += ms + Math.round(random() * 3);
    }
    plan.leases.push([lease, subjob, slave, index, taken, time + 40, setup === null ? null : taken, setup]);
    plan.ended = Math.max(plan.ended, time);
    executor.free = time + Math.round(random() * 20);
    executor.isNew = false;
  }
  return plan;
}

/** Writes a large build that has ended into the database of a master that does not run. */
export async function storeBuild(path: string, build: LargeBuild): Promise<BuildId> {
  const { slaves, executorsPerSlave, began } = build;
  const plan = planOf(build);
  mkdirSync(dirname(path), { recursive: true });
  const store = await openStore(path);
  const [id] = await store.write([insertBuild(request, { QUEUED: began / 1000 })]);
  const prepared = began + PREPARATION_MS;
  const numSubjobs = plan.leases.length;
  const slaveTable = tableOf(
    { id: 'integer' },
    Array.from({ length: slaves }, (_, n) => [FIRST_SLAVE + n]),
  );
  const leaseTable = tableOf(leaseColumns, plan.leases);
  await store.write([
    updateBuild(id, {
      state: 'FINISHED',
      timestamps: {
        QUEUED: began / 1000,
        PREPARING: began / 1000,
        BUILDING: prepared / 1000,
        FINISHED: plan.ended / 1000,
      },
      job,
      num_atoms: build.atoms,
      num_subjobs: numSubjobs,
      num_subjobs_done: numSubjobs,
      num_atoms_done: build.atoms,
      num_atoms_failed: plan.failed,
      ended_at: plan.ended,
      attempt: 1,
      lease_id: FIRST_LEASE,
    }),
    change(sql`
      INSERT INTO slaves (id, instance, name, num_executors, version, state, changed_at)
      SELECT id, 'instance ' || id, 'worker-' || (id - ${FIRST_SLAVE - 1}) || '.example.com', ${executorsPerSlave},
        '1.0.0', 'GONE', ${began}
      FROM ${slaveTable} AS news`),
    change(sql`
      INSERT INTO leases (id, build_id, subjob_id, attempt, slave_id, state, taken_at, ended_at)
      VALUES (${FIRST_LEASE}, ${id}, NULL, 1, ${FIRST_SLAVE}, 'DELIVERED', ${began}, ${prepared})`),
    change(sql`
      INSERT INTO leases (id, build_id, subjob_id, attempt, slave_id, executor_index, state, taken_at, ended_at,
        slave_executor, setup_began_at, setup_seconds)
      SELECT id, ${id}, subjob, 1, slave, id, 'DELIVERED', taken, ended, executor, setup_at, setup / 1000.0
      FROM ${leaseTable} AS news`),
    change(sql`
      INSERT INTO subjobs (build_id, subjob_id, state, num_atoms, attempt, lease_id)
      SELECT ${id}, subjob, 'DONE', ${ATOMS_PER_SUBJOB}, 1, id FROM ${leaseTable} AS news`),
    change(sql`
      INSERT INTO atoms (build_id, atom_id, subjob_id, variable, value, state, exit_code, failed, actual_time, started_at,
        lease_id, num_retries)
      SELECT ${id}, id, subjob, 'TEST', value, 'COMPLETED', exit_code, exit_code, seconds, started, lease, retries
      FROM ${tableOf(atomColumns, plan.atoms)} AS news`),
  ]);
  await store.close();
  return id;
}

function shuffled(length: number, random: () => number): number[] {
  const list = Array.from({ length }, (_, n) => n);
  for (let at = length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [list[at], list[other]] = [list[other] ?? 0, list[at] ?? 0];
  }
  return list;
}
