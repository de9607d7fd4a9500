import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { makeAccessToken } from '../../../src/protocol/signing/access-token.js';
import { PROTOCOL } from '../../../src/protocol/slave/protocol-version.js';
import { browserOfSuite } from '../../support/browser.js';
import { Cluster } from '../../support/cluster.js';
import { axeFindings, settled } from '../../support/page-checks.js';
import { writeFiles } from '../../support/project.js';

const HOSTILE = '<img src=x onerror="document.title=1">\u202egnp';

/** A job whose atom runs until a file appears, and says in another one that it runs. */
const JOB = `
Wait:
    atomizers:
        - N: seq 1
    commands:
        - 'touch ../begun && until [ -e ../go ]; do sleep 0.1; done'
`;

describe('the fleet in a browser', () => {
  const browser = browserOfSuite();
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
  });
  afterEach(() => cluster.stop());

  /** The address of a page with a token, which expires after so many seconds. */
  const linkWith = (kind: 'read' | 'control', path: string, seconds = 600) => {
    const expires = Math.floor(Date.now() / 1000) + seconds;
    return `${cluster.master.url}${path}#token=${makeAccessToken(kind, cluster.secret, expires)}`;
  };
  const slaveLink = (page: Page, name: string) => page.getByRole('table').getByRole('link', { name });
  const drain = (page: Page) => page.getByRole('button', { name: 'Drain the slave' });

  it('says how to start a slave while there is none, and shows the first one by itself', async () => {
    await cluster.startMaster();
    await browser.visit(`${cluster.master.url}/ui/fleet`, async (page) => {
      await page.getByText('No slave is connected, so nothing can run.').waitFor();
      await page.getByText(`clusterrunner slave --master-url ${cluster.master.url}`).waitFor();
      expect((await axeFindings(page)).join('\n')).to.equal('');
      await cluster.startSlave(3);
      await slaveLink(page, 'slave-1').waitFor();
      await page.getByText('0 of 3').waitFor();
      await page.getByText('1 connected').waitFor();
    });
  });

  it('leads from a slave to the atom that it runs, with the keys alone', async () => {
    await cluster.startMaster();
    await cluster.startSlave(1);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOB });
    const build = cluster.startBuild([]);
    await browser.visit(`${cluster.master.url}/ui/builds`, async (page) => {
      await page.getByRole('heading', { name: 'Builds' }).waitFor();
      await page.keyboard.press('g');
      await page.keyboard.press('f');
      await page.getByText('1 of 1').waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'connected slave-1' }).waitFor();
      await page.getByRole('link', { name: '1', exact: true }).waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/ui/build/1/atom/0');
    });
    writeFiles(cluster.cwd, { go: '' });
    build.signal('SIGINT');
    await build.ended;
  });

  it('drains a slave after a question, for the holder of a control token', async () => {
    await cluster.startMaster();
    const slave = await cluster.startSlave(1);
    await browser.visit(linkWith('control', '/ui/fleet'), async (page) => {
      await slaveLink(page, 'slave-1').click();
      await drain(page).click();
      await page.getByRole('button', { name: 'Back' }).click();
      expect((await cluster.client.listSlaves({})).slaves[0]?.state).to.equal('CONNECTED');
      await drain(page).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Drain the slave' }).click();
      await page.getByRole('heading', { name: /^(draining|gone) slave-1$/ }).waitFor();
      await slave.ended;
      await page.getByRole('heading', { name: 'gone slave-1' }).waitFor();
      expect(await drain(page).count()).to.equal(0);
    });
  });

  it('has no button for the holder of a read token', async () => {
    await cluster.startMaster(undefined, { env: { CLUSTERRUNNER_READ_ACCESS: 'signed' } });
    await cluster.startSlave(1);
    await browser.visit(linkWith('read', '/ui/fleet'), async (page) => {
      await slaveLink(page, 'slave-1').click();
      await page.getByRole('heading', { name: 'connected slave-1' }).waitFor();
      await settled(page);
      expect(await drain(page).count()).to.equal(0);
    });
  });

  it('asks for another token when the one that it had has expired, and returns to its page', async () => {
    await cluster.startMaster(undefined, { env: { CLUSTERRUNNER_READ_ACCESS: 'signed' } });
    await cluster.startSlave(1);
    await browser.visit(
      linkWith('read', '/ui/fleet?sort=name', 5),
      async (page) => {
        await page.getByText('the one that you had has expired').waitFor();
        const [, token = ''] = linkWith('read', '').split('#token=');
        await page.getByLabel('Token').fill(token);
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.waitForURL('**/ui/fleet?sort=name');
        await slaveLink(page, 'slave-1').waitFor();
      },
      { expected: /401/ },
    );
  });

  it('goes on by itself when the master is started again', async () => {
    await cluster.startMaster();
    await cluster.startSlave(1);
    const { program, port, url } = cluster.master;
    await browser.visit(
      `${url}/ui/fleet`,
      async (page) => {
        await slaveLink(page, 'slave-1').waitFor();
        const banner = page.getByText('The master is away.');
        program.signal('SIGTERM');
        await program.ended;
        await banner.waitFor();
        expect(await slaveLink(page, 'slave-1').count()).to.equal(1);
        await cluster.startMaster(['-p', String(port)]);
        await banner.waitFor({ state: 'detached' });
        await cluster.startSlave(2);
        await slaveLink(page, 'slave-2').waitFor();
      },
      { expected: /ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE|503/ },
    );
  });

  it('tells slaves of one name apart by their ids', async () => {
    await cluster.startMaster();
    for (const [name, instance] of [
      ['twin', 'the first'],
      ['twin', 'the second'],
      ['alone', 'the third'],
    ] as const) {
      const facts = { num_executors: 1, url: null, version: '2', protocol: PROTOCOL };
      await cluster.client.registerSlave({ name, instance, ...facts });
    }
    await browser.visit(`${cluster.master.url}/ui/fleet`, async (page) => {
      await slaveLink(page, 'twin (#1)').waitFor();
      await slaveLink(page, 'alone').waitFor();
      await slaveLink(page, 'twin (#2)').click();
      await page.getByRole('heading', { name: 'twin (#2)' }).waitFor();
    });
  });

  it('keeps the names of slaves as text', async () => {
    await cluster.startMaster();
    const register = (name: string) =>
      cluster.client.registerSlave({
        name,
        instance: `instance of ${name.length}`,
        num_executors: 1,
        url: 'javascript:alert(1)',
        version: '<b>2</b>',
        protocol: PROTOCOL,
      });
    await register(HOSTILE);
    await browser.visit(`${cluster.master.url}/ui/fleet`, async (page) => {
      await slaveLink(page, HOSTILE).click();
      await page.getByRole('heading', { name: HOSTILE }).waitFor();
      await page.getByText('<b>2</b>; the master has').waitFor();
      expect(await page.locator('main img, main b, a[href^=javascript]').count()).to.equal(0);
      expect(await page.title()).to.contain(HOSTILE);
    });
  });
});
