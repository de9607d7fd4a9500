import { noEstimate } from '../../src/domain/scheduling/duration-estimate.js';
import { insertAtoms } from '../../src/master/store/atoms.js';
import { insertBuild, updateBuild } from '../../src/master/store/builds.js';
import { sql, tableOf } from '../../src/master/store/engine/sql.js';
import type { Store } from '../../src/master/store/engine/store.js';
import { change } from '../../src/master/store/engine/write.js';
import { queueForHistory } from '../../src/master/store/history/unrecorded-builds.js';
import { insertSubjobs } from '../../src/master/store/subjobs.js';
import type { BuildRequest } from '../../src/protocol/build/build.js';
import type { BuildId } from '../../src/protocol/ids.js';

/** An atom of an ended build; without a verdict it is neither failed nor passed. A flaky one took twice as long to fail first. */
export interface EndedTestAtom {
  readonly value: string;
  readonly verdict: 'passed' | 'failed' | 'lost' | 'flaky' | 'none';
  readonly seconds?: number;
}

export interface EndedTestBuild {
  readonly atoms: readonly EndedTestAtom[];
  readonly request?: Partial<BuildRequest>;
  readonly state?: 'FINISHED' | 'CANCELED' | 'ERROR';
  /** Milliseconds since the epoch; it began a minute before. */
  readonly endedAt?: number;
  readonly commit?: string | null;
  /** False: its job was never read. */
  readonly isPrepared?: boolean;
}

const definition = { commands: ['true'], atomizers: [{ TEST: 'ls tests' }] };
const request: BuildRequest = { type: 'git', url: 'https://git.example/project.git', job_name: 'Unit' };

/** Stores a build that has ended and waits to be recorded in the history. */
export async function storeEndedBuild(store: Store, build: EndedTestBuild): Promise<BuildId> {
  const { atoms, state = 'FINISHED', endedAt = 1_790_000_000_000, isPrepared = true } = build;
  const end = endedAt / 1000;
  const body = { ...request, ...build.request };
  const [id] = await store.write([
    insertBuild(body, { QUEUED: end - 70, PREPARING: end - 60, BUILDING: end - 50, [state]: end }),
  ]);
  const estimated = atoms.map(({ value }, at) => {
    return { id: at, subjob: 0, variable: 'TEST', value, ...noEstimate };
  });
  const verdicts = atoms.map(({ verdict, seconds = 1 }, at) => [
    at,
    verdict === 'none' ? 'INTERRUPTED' : 'COMPLETED',
    { passed: 0, flaky: 0, failed: 1, lost: null, none: null }[verdict],
    { passed: 0, flaky: 0, failed: 1, lost: 1, none: null }[verdict],
    verdict === 'lost' ? null : seconds,
    verdict === 'flaky' ? 1 : 0,
    verdict === 'flaky' ? 2 * seconds : 0,
  ]);
  const columns = {
    id: 'integer',
    state: 'text',
    code: 'integer',
    failed: 'integer',
    seconds: 'real',
    retries: 'integer',
    retried: 'real',
  } as const;
  const count = (...kinds: EndedTestAtom['verdict'][]) =>
    atoms.filter(({ verdict }) => kinds.includes(verdict)).length;
  await store.write([
    insertSubjobs(id, [{ id: 0, atoms: atoms.length, ...noEstimate }]),
    insertAtoms(id, estimated),
    change(sql`
      UPDATE atoms SET state = news.state, exit_code = news.code, failed = news.failed, actual_time = news.seconds,
        num_retries = news.retries, retried_seconds = news.retried
      FROM ${tableOf(columns, verdicts)} AS news WHERE build_id = ${id} AND atom_id = news.id`),
    updateBuild(id, {
      state,
      ended_at: endedAt,
      commit_hash: build.commit ?? null,
      num_atoms: isPrepared ? atoms.length : null,
      num_atoms_done: count('passed', 'failed', 'lost', 'flaky'),
      num_atoms_failed: count('failed', 'lost'),
      num_atoms_lost: count('lost'),
      num_atoms_flaky: count('flaky'),
      ...(isPrepared ? { job: { name: body.job_name ?? 'Unit', definition } } : {}),
    }),
    queueForHistory(id, body.atoms_override !== undefined),
  ]);
  return id;
}
