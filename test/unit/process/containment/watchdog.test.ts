import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { findPackageJSON } from '../../../../src/lib/package-json.js';
import { groupIsAlive } from '../../../../src/process/containment/process-group.js';
import { until } from '../../../support/until.js';

const fixtures = join(dirname(findPackageJSON(import.meta.url)), 'test/fixtures/commands');

describe('the watchdog of a process that is killed with SIGKILL', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'watchdog-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('ends all processes of its commands, also those that ignore TERM', async () => {
    const command =
      'until test -e watched; do sleep 0.01; done; echo $$ > pid; (trap "" TERM; sleep 1000) & sleep 1000';
    const runner = spawn(process.execPath, [join(fixtures, 'run-until-killed.mjs'), command, directory], {
      stdio: 'ignore',
    });
    const file = join(directory, 'pid');
    await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
    const group = Number(readFileSync(file, 'utf8'));
    runner.kill('SIGKILL');
    await once(runner, 'exit');
    await until(() => !groupIsAlive(group));
    expect(groupIsAlive(group)).to.equal(false);
  });

  it('ends the processes of a series item of which it was not notified', async () => {
    const command =
      'test $ITEM = 1 && kill -STOP $RUNNER && exit; echo $$ > pid; kill -KILL $RUNNER; sleep 1000';
    const group = await groupOf(command, directory);
    await until(() => !groupIsAlive(group));
    expect(groupIsAlive(group)).to.equal(false);
  });

  it('ends the processes of a series item whose shell was killed before', async () => {
    const command =
      'test $ITEM = 1 && exit; trap "" TERM; kill -KILL $PPID; sleep 0.5; echo $$ > pid; kill -KILL $RUNNER; sleep 1000';
    const group = await groupOf(command, directory);
    await until(() => !groupIsAlive(group));
    expect(groupIsAlive(group)).to.equal(false);
  });
});

/** Runs a series with it until the runner is killed; resolves with what the command has written to `pid`. */
async function groupOf(command: string, directory: string): Promise<number> {
  const runner = spawn(
    process.execPath,
    [join(fixtures, 'run-series-until-killed.mjs'), command, directory],
    {
      stdio: 'ignore',
    },
  );
  await once(runner, 'exit');
  const file = join(directory, 'pid');
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
  return Number(readFileSync(file, 'utf8'));
}
