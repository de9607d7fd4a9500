import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { shellText } from '../../src/job/shell-text.js';
import { systemClock } from '../../src/lib/clock.js';
import { removeTree } from '../../src/lib/fs/remove-tree.js';
import { PathAliases } from '../../src/lib/text/path-aliases.js';
import { Redactor } from '../../src/lib/text/redactor.js';
import { ConsolePipes } from '../../src/process/console/console-pipes.js';
import { createItemRunner } from '../../src/process/series/create-item-runner.js';
import type { JobDefinition } from '../../src/protocol/build/job.js';
import { toId } from '../../src/protocol/ids.js';
import { unlimited } from '../../src/protocol/results/result-limits.js';
import { LeaseTimes } from '../../src/slave/build/lease-times.js';
import { runSubjob } from '../../src/slave/build/run-subjob.js';
import type { SubjobOutcome } from '../../src/slave/build/subjob-record.js';
import type { AtomProgress } from '../../src/slave/build/subjob-run.js';
import { SubjobConsoles } from '../../src/slave/console/subjob-consoles.js';

export interface SubjobRanHere {
  readonly outcome: SubjobOutcome;
  readonly progress: readonly AtomProgress[];
  /** Each atom's, as of its end. */
  readonly consoles: readonly string[];
}

interface SubjobOptions {
  readonly definition: JobDefinition;
  /** Values of the variable ATOM. */
  readonly values: readonly string[];
  readonly reusesShells?: boolean;
  readonly signal?: AbortSignal;
}

/** A folder in which subjobs run in this process, as a slave runs them. */
export class SubjobsHere {
  readonly root = mkdtempSync(join(tmpdir(), 'subjob-'));
  /** Where the folders of the next subjob's atoms are. */
  readonly directory = join(this.root, 'work');

  async run({
    definition,
    values,
    reusesShells = true,
    signal = new AbortController().signal,
  }: SubjobOptions): Promise<SubjobRanHere> {
    await removeTree(this.directory);
    const env = { PATH: process.env.PATH ?? '' };
    const pipes = new ConsolePipes(this.root);
    const command = shellText(definition.commands);
    const options = { command, cwd: this.root, env, pipes, clock: systemClock, reusesShells, worker: null };
    const runner = await createItemRunner(options);
    const consoles = new SubjobConsoles(
      join(this.directory, 'consoles'),
      unlimited.console_bytes,
      new Redactor([]),
      new PathAliases([]),
    );
    const progress: AtomProgress[] = [];
    try {
      const outcome = await runSubjob({
        assignment: {
          kind: 'run',
          limits: unlimited,
          lease: { lease_id: toId.lease(1), attempt: toId.attempt(1) },
          build_id: toId.build(1),
          project: { type: 'directory', project_directory: this.root },
          remote_files: [],
          subjob_id: toId.subjob(0),
          job: { name: 'Job', definition },
          build_executor_index: 0,
          atoms: values.map((value, id) => ({ id: toId.atom(id), variable: 'ATOM', value })),
          expected_seconds: null,
          takes: ['times', 'last_lines'],
        },
        projectDirectory: this.root,
        runner,
        consoles,
        executorIndex: 0,
        directory: this.directory,
        signal,
        clock: systemClock,
        times: new LeaseTimes(systemClock, { takes: ['times'] }, systemClock.monotonic()),
        onProgress: (one) => progress.push(one),
      });
      const folders = new Map(outcome.folders.map((folder) => [folder.atom, folder]));
      const texts = values.map((_, id) => folders.get(toId.atom(id))?.console.recorded.content());
      return {
        outcome,
        progress,
        consoles: await Promise.all(texts.map((content) => (content === undefined ? '' : text(content)))),
      };
    } finally {
      await runner.end();
      consoles.close();
      pipes.close();
    }
  }

  remove(): Promise<void> {
    return removeTree(this.root);
  }
}
