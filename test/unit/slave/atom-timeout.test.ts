import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { shellText } from '../../../src/job/shell-text.js';
import { systemClock } from '../../../src/lib/clock.js';
import { PathAliases } from '../../../src/lib/text/path-aliases.js';
import { Redactor } from '../../../src/lib/text/redactor.js';
import { ConsolePipes } from '../../../src/process/console/console-pipes.js';
import { groupIsAlive } from '../../../src/process/containment/process-group.js';
import { createItemRunner } from '../../../src/process/series/create-item-runner.js';
import type { JobDefinition } from '../../../src/protocol/build/job.js';
import { toId } from '../../../src/protocol/ids.js';
import { unlimited } from '../../../src/protocol/results/result-limits.js';
import { LeaseTimes } from '../../../src/slave/build/lease-times.js';
import { runSubjob } from '../../../src/slave/build/run-subjob.js';
import { SubjobConsoles } from '../../../src/slave/console/subjob-consoles.js';

for (const reusesShells of [true, false]) {
  describe(`the atom_timeout, with shells that are ${reusesShells ? 'kept' : 'started for each atom'},`, () => {
    let root: string;
    beforeEach(() => {
      root = mkdtempSync(join(tmpdir(), 'timeout-'));
    });
    afterEach(() => rmSync(root, { recursive: true }));

    async function run(
      commands: string[],
      more: Partial<JobDefinition>,
      signal = new AbortController().signal,
    ) {
      const directory = join(root, 'work');
      const env = { PATH: process.env.PATH ?? '' };
      const pipes = new ConsolePipes(root);
      const command = shellText(commands);
      const options = { command, cwd: root, env, pipes, clock: systemClock, reusesShells, worker: null };
      const runner = await createItemRunner(options);
      const consoles = new SubjobConsoles(
        join(directory, 'consoles'),
        unlimited.console_bytes,
        new Redactor([]),
        new PathAliases([]),
      );
      const outcome = await runSubjob({
        assignment: {
          kind: 'run',
          limits: unlimited,
          lease: { lease_id: toId.lease(1), attempt: toId.attempt(1) },
          build_id: toId.build(1),
          project: { type: 'directory', project_directory: root },
          remote_files: [],
          subjob_id: toId.subjob(0),
          job: { name: 'Job', definition: { commands, atomizers: [{ X: 'seq 2' }], ...more } },
          build_executor_index: 0,
          atoms: ['1', '2'].map((value, id) => ({ id: toId.atom(id), variable: 'X', value })),
          expected_seconds: null,
        },
        projectDirectory: root,
        runner,
        consoles,
        executorIndex: 0,
        directory,
        signal,
        clock: systemClock,
        times: new LeaseTimes(systemClock, {}, systemClock.monotonic()),
        onProgress: () => undefined,
      }).finally(() => {
        runner.end();
        pipes.close();
      });
      const console = (atom: number) => text(consoles.of(toId.atom(atom)).content());
      return { outcome, console };
    }

    it('ends an atom with all of its processes, says so last on its console, and runs the next', async () => {
      const hangs =
        '[ $X = 2 ] || { trap "exit 0" TERM; echo $BASHPID > pid; sleep 100 & printf begun; wait; }';
      const { outcome, console } = await run([hangs], { atom_timeout: '0.5s' });
      expect(outcome?.verdicts.map(({ exit_code }) => exit_code)).to.deep.equal([124, 0]);
      const code = outcome?.folders[0]?.added.find(({ name }) => name === 'clusterrunner_exit_code');
      expect(code?.content).to.equal('124\n');
      expect(await console(0)).to.equal(
        'begun\nclusterrunner: the atom was ended after 0.5 s (atom_timeout).\n',
      );
      expect(groupIsAlive(Number(readFileSync(join(root, 'pid'), 'utf8')))).to.equal(false);
    });

    it('does not touch atoms that end in time', async () => {
      const { outcome, console } = await run(['exit $X'], { atom_timeout: '1m' });
      expect(outcome?.verdicts.map(({ exit_code }) => exit_code)).to.deep.equal([1, 2]);
      expect(await console(0)).to.equal('');
    });

    it('gives no verdict to an atom that was canceled before, nor to those after it', async () => {
      const canceled = AbortSignal.timeout(100);
      const { outcome } = await run(['sleep 100'], { atom_timeout: '1m' }, canceled);
      expect(outcome.verdicts).to.deep.equal([]);
      expect(outcome.unfinished.map(({ id }) => id)).to.deep.equal([0, 1]);
    });
  });
}
