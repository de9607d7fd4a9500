import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type BuildId, toId } from '../../../../src/protocol/ids.js';
import { directoryBuild, MasterHarness, refused, type TestSlave } from '../../../support/master-harness.js';
import { until } from '../../../support/until.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

describe('a build that has ended', () => {
  let harness: MasterHarness;
  beforeEach(() => {
    harness = new MasterHarness();
  });
  afterEach(() => harness.close());

  async function run(slave: TestSlave): Promise<BuildId> {
    const build = await harness.master.createBuild(directoryBuild);
    await slave.prepare(2);
    await slave.runAll();
    return build;
  }

  async function builds(): Promise<number[]> {
    const { builds: list } = await harness.master.listBuilds({ offset: 0, limit: 100 });
    return list.map(({ id }) => id);
  }

  const folders = (name: string) => readdirSync(join(harness.directory, name)).sort();

  it('is forgotten with its files when there are more than the newest that are kept', async () => {
    harness.settings.buildsKept = 2;
    await harness.start();
    const slave = await harness.slave();
    const waiting = await harness.master.createBuild(directoryBuild);
    await harness.master.cancelBuild(waiting);
    const running = await harness.master.createBuild(directoryBuild);
    const preparation = await slave.takePreparation();
    await slave.reportPrepared(preparation, 1);
    await slave.take();
    for (let n = 0; n < 3; n += 1) {
      await run(await harness.slave());
    }
    await harness.advance(1_000);
    await until(async () => (await builds()).length === 3);
    expect(await builds()).to.deep.equal([running, 4, 5]);
    // The files go after the rows.
    await until(() => folders('results').length === 2);
    expect(folders('results')).to.deep.equal(['4', '5']);
    await refused(harness.master.getBuild(waiting), 'NOT_FOUND');
    const { total } = await harness.master.listAtoms(toId.build(5), null, { offset: 0, limit: 1 });
    expect(total).to.equal(2);
  });

  it('is forgotten when it has been kept for its days', async () => {
    harness.settings.resultsKeptDays = 2;
    await harness.start();
    await run(await harness.slave());
    await harness.advance(DAY_MS);
    await run(await harness.slave());
    await harness.advance(DAY_MS - 20 * MINUTE_MS);
    expect(await builds()).to.deep.equal([1, 2]);
    await harness.advance(21 * MINUTE_MS);
    await until(async () => (await builds()).length === 1);
    expect(await builds()).to.deep.equal([2]);
    await until(() => !existsSync(join(harness.directory, 'results', '1')));
  });

  it('is kept for its days whatever the clock shows meanwhile, also at the start of a master', async () => {
    harness.settings.resultsKeptDays = 2;
    await harness.start();
    await run(await harness.slave());
    const right = harness.clock.now();
    harness.clock.set(right + 3650 * DAY_MS);
    await harness.advance(1_000);
    await harness.advance(11 * MINUTE_MS);
    await harness.untilLoopsSleep();
    expect(await builds()).to.deep.equal([1]);
    // A machine with an empty battery starts in an arbitrary year.
    await harness.restart();
    await harness.advance(1_000);
    await harness.advance(11 * MINUTE_MS);
    await harness.untilLoopsSleep();
    expect(await builds()).to.deep.equal([1]);
    harness.clock.set(right + 22 * MINUTE_MS);
    await harness.advance(1_000);
    expect(await builds()).to.deep.equal([1]);
    await harness.advance(2 * DAY_MS);
    await harness.advance(1_000);
    await until(async () => (await builds()).length === 0);
  });

  it('leaves no files that the store does not know', async () => {
    await harness.start();
    await run(await harness.slave());
    await harness.master.close();
    for (const name of ['results', 'consoles']) {
      mkdirSync(join(harness.directory, name, '77'), { recursive: true });
      mkdirSync(join(harness.directory, name, 'no build'), { recursive: true });
    }
    await harness.start();
    await harness.advance(1_000);
    await until(() => !existsSync(join(harness.directory, 'consoles', '77')));
    expect(folders('results')).to.deep.equal(['1', 'no build']);
    expect(await builds()).to.deep.equal([1]);
  });
});
