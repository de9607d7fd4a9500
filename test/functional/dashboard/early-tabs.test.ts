import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildId } from '../../../src/protocol/ids.js';
import { browserOfSuite } from '../../support/browser.js';
import { SimulatedCluster } from '../../support/simulation/simulated-cluster.js';

/** By tab: the request for its contents, and something that only they have. */
const tabs = {
  '': { request: /\/failure-group\?/, text: '2 failures' },
  '/atoms': { request: /\/atom\?/, text: '2 atoms' },
  '/timeline': { request: /\/v1\/.*\/timeline$/, text: 'The slowest atom is' },
} as const;

describe('a tab of a build', () => {
  const browser = browserOfSuite();
  let directory: string;
  let cluster: SimulatedCluster;
  let id: BuildId;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'early-tabs-'));
    cluster = await SimulatedCluster.start({
      baseDirectory: directory,
      secret: 'a secret of the tests',
      startsAt: Date.UTC(2026, 2, 1),
      slaves: [{ name: 'first', executors: 2 }],
    });
    const config = { commands: ['true'], atomizers: [{ NAME: 'list' }] };
    id = await cluster.create({
      request: { type: 'directory', project_directory: '/project', job_name: 'Unit', config },
      jobName: 'Unit',
      atoms: ['one', 'two'].map((value) => ({ variable: 'NAME', value })),
      preparationSeconds: 1,
      setupSeconds: 0,
      runAtom: () => ({ seconds: 5, exitCode: 1, output: 'Error: no\n' }),
    });
    await cluster.runToEnd(id);
  });
  after(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  for (const [tab, { request, text }] of Object.entries(tabs)) {
    it(`asks for its contents before the build has arrived, at /ui/build/ID${tab}`, () =>
      browser.visit(
        `${cluster.url}/ui/build/${id}${tab}`,
        async (page) => {
          await page.getByText(text).first().waitFor();
          await page.getByRole('heading', { name: 'Unit' }).waitFor();
        },
        {
          prepare: async (page) => {
            const asked = page.waitForRequest(request);
            await page.route(/\/v1\/build\/\d+$/, async (route) => {
              await asked;
              await route.continue();
            });
          },
        },
      ));
  }
});
