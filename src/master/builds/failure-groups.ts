import { endOfOutput } from '../../lib/text/end-of-output.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { AtomId, BuildId } from '../../protocol/ids.js';
import { MAX_LAST_LINES, MAX_LAST_LINES_BYTES } from '../../protocol/slave/optional-reports.js';
import type { MasterReading, Page } from '../state/master-api.js';
import type { MasterState } from '../state/master-state.js';
import {
  addFailures,
  atomsOfGroup,
  countFailures,
  failuresToRead,
  type GroupedFailure,
  linesOfGroups,
} from '../store/stored-failures.js';
import { presentAtom } from '../views/atom-view.js';
import type { Builds } from './build-commands.js';
import type { BuildQueries } from './build-queries.js';
import { failureOf } from './failure-of.js';

/** So many atoms of each group are shown. */
const SHOWN_ATOMS = 5;
/** So many consoles are read for one request, each of which takes some milliseconds. */
const MOST_READ = 50;

type ListedGroups = Awaited<ReturnType<MasterReading['listFailureGroups']>>;

/** Reads the groups of the failed atoms of builds. */
export class FailureGroupQueries {
  readonly #master: MasterState;
  readonly #builds: Builds;
  readonly #queries: BuildQueries;
  #isReading = false;

  constructor(master: MasterState, builds: Builds, queries: BuildQueries) {
    this.#master = master;
    this.#builds = builds;
    this.#queries = queries;
  }

  /**
   * Largest group first, then in the order of their first atoms. Outputs that slaves did not send are read from the results, some at each request.
   * @throws NOT_FOUND
   */
  async list(build: BuildId, { offset, limit }: Page): Promise<ListedGroups> {
    await this.#builds.head(build);
    await this.#readSome(build);
    const { db } = this.#master.store;
    const counted = await countFailures(db, build);
    const order = [...counted].sort(([, a], [, b]) => b.atoms - a.atoms || a.first - b.first);
    const lines = await linesOfGroups(db, build);
    const groups: ListedGroups['groups'] = [];
    for (const [key, { atoms: num_atoms }] of order.slice(offset, offset + limit)) {
      const atoms = await atomsOfGroup(db, build, key, SHOWN_ATOMS);
      const sample = lines.get(key);
      groups.push({
        key,
        num_atoms,
        sample_lines: sample === undefined ? [] : sample.split('\n'),
        atoms: atoms.map(presentAtom),
      });
    }
    return { groups, total: order.length, num_without_output: counted.get('unknown')?.atoms ?? 0 };
  }

  /** One reader at a time: the others see what is known. */
  async #readSome(build: BuildId): Promise<void> {
    if (this.#isReading || this.#master.writer.problem !== null) {
      return;
    }
    this.#isReading = true;
    try {
      const failures: GroupedFailure[] = [];
      for (const { id, value } of await failuresToRead(this.#master.store.db, build, MOST_READ)) {
        failures.push({ id, ...(await this.#read(build, id, value)) });
      }
      if (failures.length > 0) {
        await this.#master.writer.record(addFailures(build, failures));
      }
    } finally {
      this.#isReading = false;
    }
  }

  async #read(build: BuildId, atom: AtomId, value: string): Promise<Pick<GroupedFailure, 'key' | 'lines'>> {
    try {
      const page = await this.#queries.readConsole(build, atom, {
        offsetLine: null,
        maxLines: MAX_LAST_LINES,
      });
      return failureOf(endOf(page.content), value);
    } catch (error) {
      if (error instanceof ClusterRunnerError && error.code === 'RESULT_UNREADABLE') {
        return { key: 'unknown', lines: null };
      }
      throw error;
    }
  }
}

/** As much as a slave would send. */
function endOf(content: string): string {
  return endOfOutput(Buffer.from(content), false, MAX_LAST_LINES, MAX_LAST_LINES_BYTES);
}
