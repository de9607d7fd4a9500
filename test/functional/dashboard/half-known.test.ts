import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { toId } from '../../../src/protocol/ids.js';
import { browserOfSuite } from '../../support/browser.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../support/master-harness.js';
import { settled } from '../../support/page-checks.js';
import { type ServedHarness, serveHarness } from '../../support/served-master.js';

const ERROR = 'Job "Simple" is not in clusterrunner.yaml;\nit has <b>UnitTests</b> and EndToEnd.';

describe('the page of a build of which little is known', () => {
  const browser = browserOfSuite();
  let harness: MasterHarness;
  let served: ServedHarness;
  let slave: TestSlave;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    served = await serveHarness(harness);
    slave = await harness.slave(1, 'instance', 'worker');
  });
  afterEach(async () => {
    await served.close();
    await harness.close();
  });

  const create = () => harness.master.createBuild(directoryBuild);
  const visit = (path: string, test: (page: Page) => Promise<void>) =>
    browser.visit(`${served.url}/ui/build/${path}`, test, {
      expected: /404/,
      prepare: (page) => page.clock.setFixedTime(harness.clock.now()),
    });
  const textOf = async (page: Page) => {
    await settled(page);
    return await page.getByRole('main').innerText();
  };

  it('says that its atoms are not known while it is prepared, and why it waits', async () => {
    await create();
    await slave.takePreparation();
    await visit('1', async (page) => {
      const text = await textOf(page);
      expect(text).to.match(/preparing[\s\S]*its atoms are not known yet/);
      expect(text).to.contain('A slave fetches the project and lists the atoms.');
    });
    await visit('1/atoms', async (page) => {
      expect(await textOf(page)).to.contain('The atoms are not known yet.');
    });
  });

  it('never says that it waits for nothing before it shows the end', async () => {
    await create();
    await slave.takePreparation();
    await visit('1', async (page) => {
      // The head of the page stays as it is, while the build ends behind it.
      const head: unknown = await (await page.request.get(`${served.url}/v1/build/1`)).json();
      await page.route('**/v1/build/1', (route) => route.fulfill({ json: head }));
      await page.getByText('A slave fetches the project and lists the atoms.').waitFor();
      await harness.master.cancelBuild(toId.build(1));
      await page.getByText('A slave fetches the project and lists the atoms.').waitFor({ state: 'hidden' });
      expect(await textOf(page)).not.to.contain('waits for nothing');
    });
  });

  it('shows the reason of an error as text, and no progress', async () => {
    await create();
    const { lease } = await slave.takePreparation();
    const [id] = (await harness.master.listUnfinished({ offset: 0, limit: 1 })).builds.map(
      (build) => build.id,
    );
    await harness.master.reportPreparationFailed(slave.id, id ?? expect.fail(), lease, ERROR);
    await visit('1', async (page) => {
      const text = await textOf(page);
      expect(text).to.contain(ERROR).and.to.contain('it ended before its atoms were listed');
      expect(await page.getByRole('progressbar').count()).to.equal(0);
      await page.getByRole('link', { name: 'Artifacts' }).click();
      await page.getByText('This build has no atoms, and so no files.').waitFor();
      expect(await page.getByRole('link', { name: 'zip' }).count()).to.equal(0);
    });
  });

  it('says of a build without atoms that nothing was run, and what lists them', async () => {
    await create();
    await slave.prepare(0);
    await visit('1', async (page) => {
      expect(await textOf(page)).to.match(/0 atoms[\s\S]*Its atomizers listed none/);
    });
  });

  it('is listed with its job, of which no atom has run', async () => {
    const broken = await create();
    const { lease } = await slave.takePreparation();
    await harness.master.reportPreparationFailed(slave.id, broken, lease, ERROR);
    const row = (page: Page) => page.locator('tbody tr').first();
    const visitJobs = (test: (page: Page) => Promise<void>) =>
      browser.visit(`${served.url}/ui/jobs`, test, {
        prepare: (page) => page.clock.setFixedTime(harness.clock.now()),
      });
    await visitJobs(async (page) => {
      await row(page).getByRole('link', { name: 'Simple' }).waitFor();
      expect(await row(page).innerText()).to.match(/error\s[\s\S]*no runs/);
      await row(page).getByRole('link', { name: 'Simple' }).click();
      await page.getByText('no run of an atom is recorded').waitFor();
      // The list of its builds comes first.
      expect(await row(page).innerText()).to.match(/^!\s*error\s+1\b/);
    });
    await create();
    await (await harness.slave(1, 'instance', 'other')).prepare(0);
    await visitJobs(async (page) => {
      await row(page).getByText('no atoms').waitFor();
      await row(page).getByRole('link', { name: 'Simple' }).click();
      expect(await row(page).innerText()).to.match(/^–\s*no atoms\s+2\b/);
    });
  });

  it('counts lost atoms, and names the slaves that were lost with them', async () => {
    await create();
    await slave.prepare(1);
    for (let loss = 0; loss < 3; loss += 1) {
      await (await harness.slave(1, 'instance', `doomed-${loss}`)).take();
      await harness.loseOthers();
    }
    await visit('1', async (page) => {
      const text = await textOf(page);
      expect(text).to.contain('1 lost with its slaves').and.to.contain('doomed-0, doomed-1, doomed-2');
    });
  });

  it('says of a deleted build where its history is', () =>
    visit('7', async (page) => {
      expect(await textOf(page)).to.match(/There is no build 7[\s\S]*Old builds are deleted/);
      await page.getByRole('link', { name: 'jobs', exact: true }).click();
      await page.waitForURL('**/ui/jobs');
    }));
});
