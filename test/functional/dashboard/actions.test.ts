import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { toId } from '../../../src/protocol/ids.js';
import { makeAccessToken } from '../../../src/protocol/signing/access-token.js';
import { browserOfSuite } from '../../support/browser.js';
import { Cluster } from '../../support/cluster.js';
import { settled } from '../../support/page-checks.js';
import { writeFiles } from '../../support/project.js';

/** One atom fails; the job Wait runs until it is canceled. */
const JOBS = `
Quick:
    atomizers: [{N: printf '1\\n2\\n3\\n'}]
    commands: ['[ $N != 2 ]']
Wait:
    atomizers: [{N: seq 1}]
    commands: ['sleep 1000']
`;

describe('the actions of a build in a browser', () => {
  const browser = browserOfSuite();
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start(2);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOBS });
    expect((await cluster.build(['--job-name', 'Quick'])).exitCode).to.equal(1);
  });
  after(() => cluster.stop());

  const visit = (
    kind: 'read' | 'control',
    path: string,
    test: (page: Page) => Promise<void>,
    { seconds = 600, expected = /^$/ } = {},
  ) => {
    const expires = Math.floor(Date.now() / 1000) + seconds;
    const link = `${cluster.master.url}${path}#token=${makeAccessToken(kind, cluster.secret, expires)}`;
    return browser.visit(link, test, { expected });
  };
  const button = (page: Page, name: string) => page.getByRole('button', { name });
  const confirm = (page: Page, name: string) =>
    page.getByRole('dialog').getByRole('button', { name }).click();
  const build = (id: number) => cluster.client.getBuild(toId.build(id));

  it('are there once a link with a token is opened where the page is shown already, which keeps no token', () =>
    browser.visit(`${cluster.master.url}/ui/build/1`, async (page) => {
      await page.getByRole('heading', { name: 'failed Quick' }).waitFor();
      const token = makeAccessToken('control', cluster.secret, Math.floor(Date.now() / 1000) + 600);
      await page.evaluate(`window.location.hash = '#token=${token}'`);
      await button(page, 'Rerun').first().waitFor();
      expect(page.url()).not.to.contain(token);
    }));

  it('are refused with a reason to a token that is not correctly escaped', () =>
    browser.visit(
      `${cluster.master.url}/ui/build/1#token=%zz`,
      async (page) => {
        await page.getByRole('alert').waitFor();
        expect(page.url()).to.contain('/ui/login').and.not.to.contain('%zz');
      },
      { expected: /401/ },
    ));

  it('are none for the holder of a read token', () =>
    visit('read', '/ui/build/1', async (page) => {
      await page.getByRole('heading', { name: 'failed Quick' }).waitFor();
      await settled(page);
      expect(await button(page, 'Rerun').count()).to.equal(0);
    }));

  it('rerun the failed atoms in a new build, whose page is shown', () =>
    visit('control', '/ui/build/1', async (page) => {
      await button(page, 'Rerun failed atoms').click();
      await page.getByText('A new build runs the 1 failed atom again').waitFor();
      await confirm(page, 'Rerun failed atoms');
      await page.waitForURL('**/ui/build/2');
      await page.getByRole('heading', { name: 'failed Quick' }).waitFor();
      const { num_atoms, request_params } = await build(2);
      expect({ num_atoms, by: request_params.requested_by }).to.deep.equal({ num_atoms: 1, by: 'dashboard' });
    }));

  it('rerun all atoms', () =>
    visit('control', '/ui/build/1', async (page) => {
      await button(page, 'Rerun all').click();
      await confirm(page, 'Rerun all');
      await page.waitForURL('**/ui/build/3');
      await page.getByRole('heading', { name: 'failed Quick' }).waitFor();
      expect((await build(3)).num_atoms).to.equal(3);
    }));

  it('cancel a build that runs, after a question, with the keys too', async () => {
    const running = cluster.startBuild(['--job-name', 'Wait']);
    await visit('control', '/ui/queue', async (page) => {
      await page.getByRole('link', { name: '4 Wait' }).click();
      await button(page, 'Cancel the build').focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Cancel the build: build 4 Wait' });
      await dialog.getByText('Atoms that run are ended.').waitFor();
      expect(await page.locator(':focus').innerText(), 'which changes nothing').to.equal('Back');
      await page.keyboard.press('Escape');
      expect((await build(4)).status).to.equal('BUILDING');
      await page.keyboard.press('Enter');
      await confirm(page, 'Cancel the build');
      await page.getByRole('heading', { name: 'canceled Wait' }).waitFor();
      expect(await button(page, 'Cancel the build').count()).to.equal(0);
    });
    expect((await running.ended).exitCode).to.equal(2);
  });

  it('are gone with a note when the session has expired, and are back after signing in', () =>
    browser.visit(
      `${cluster.master.url}/ui/build/1`,
      async (page) => {
        const token = makeAccessToken('control', cluster.secret, Math.floor(Date.now() / 1000) + 600);
        await page.evaluate(`window.location.hash = '#token=${token}'`);
        await button(page, 'Rerun all').waitFor();
        await page.context().clearCookies();
        await page.clock.fastForward('11:00');
        await page.getByRole('status').getByText('Your session has ended').waitFor();
        expect(await button(page, 'Rerun all').count()).to.equal(0);
        await page.getByRole('link', { name: 'Sign in again' }).click();
        await page.getByLabel('Token').fill(token);
        await button(page, 'Sign in').click();
        await button(page, 'Rerun all').waitFor();
        expect(new URL(page.url()).pathname).to.equal('/ui/build/1');
        expect(await page.getByText('Your session has ended').count()).to.equal(0);
        await button(page, 'Sign out').click();
        await page.getByRole('link', { name: 'Sign in' }).waitFor();
        expect(await page.getByText('Your session has ended').count(), 'after signing out').to.equal(0);
      },
      { prepare: (page) => page.clock.install() },
    ));

  it('ask for another token when the one that permitted them has expired', () =>
    visit(
      'control',
      '/ui/build/1',
      async (page) => {
        await button(page, 'Rerun all').click();
        await page.context().clearCookies();
        await confirm(page, 'Rerun all');
        await page.getByRole('alert').getByRole('link', { name: 'Sign in' }).click();
        await page.waitForURL('**/ui/login?to=%2Fui%2Fbuild%2F1');
      },
      { expected: /401/ },
    ));
});
