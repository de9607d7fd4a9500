import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { leaseFloor } from '../../src/domain/lease.js';
import { findPackageJSON } from '../../src/lib/package-json.js';
import type { RouteDeclaration } from '../../src/protocol/route.js';
import { routes } from '../../src/protocol/routes.js';
import { examplesOf, type ResponseBlock, withResponses } from '../support/api-page.js';
import { exampleToken, startExampleMaster } from '../support/example-master.js';
import { correctionOf, Story } from '../support/example-story.js';
import { ManualClock } from '../support/manual-clock.js';

const root = dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`)));
const file = join(root, 'docs', 'api.md');
const page = readFileSync(file, 'utf8');
const examples = examplesOf(page);
const declared: RouteDeclaration[] = Object.values(routes);

const build = '/v1/build/:buildId';
const job = '/v1/job/:jobId';
const slave = '/v1/slave/:slaveId';
const leased = `${slave}/build/:buildId`;
const result = `PUT ${leased}/subjob/:subjobId/result#1`;
/** The lease numbers of a master that starts with the tests' clock. */
const firstLease = leaseFloor(new ManualClock().now());
const lease = (number: number, attempt = 1) => ({
  lease_id: firstLease + number,
  attempt,
  token: exampleToken(firstLease + number),
});

/** Three builds and one slave. The examples are valid in this order, which is not that of the page. */
async function tell(story: Story): Promise<void> {
  await story.show('POST /v1/slave#1', 'POST /v1/build#1', 'POST /v1/build#2', 'POST /v1/build#3');
  await story.show('GET /v1/queue#1');

  await story.show(`POST ${slave}/work#1`);
  await story.work(2, [lease(1)]);
  await story.show(`POST ${leased}/handback#1`);
  await story.work(3, [lease(1)]);
  await story.show(`POST ${leased}/preparation_failed#1`, `POST ${leased}/prepared#1`);

  await story.show(`POST ${slave}/work#2`, `POST ${leased}/subjob/:subjobId/progress#1`);
  await story.show('GET /v1#1', 'GET /v1/slave#1', `GET ${slave}#1`, 'GET /v1/build#1', `GET ${build}#1`);
  await story.show(`GET ${build}/explain#1`, `GET ${build}/atom/:atomId/console#1`);
  await story.show(`GET ${build}/artifacts.tar.gz#1`);

  await story.work(5, [lease(4)]);
  await story.show(`POST ${leased}/subjob/:subjobId/handback#1`);
  await story.deliver(result, 'opening the cart\n1 test, ok\n');
  await story.work(6);
  const failed = { lease: lease(6, 2), atoms: [{ id: 1, exit_code: 1, actual_time: 0.5, began: 0.25 }] };
  await story.deliver(result, 'opening the login\n1 test, 1 failed\n', failed, 1);
  await story.until('/v1/job', (response) => /"num_atoms":2,"pass_rate":0/.test(JSON.stringify(response)));
  const ofEnded = examples.filter(({ route }) => route.startsWith(`GET ${build}`)).map(({ key }) => key);
  await story.show(...ofEnded.filter((key) => !story.isShown(key)));
  // Each example takes a second, so the slave would soon be lost.
  await story.work(7);

  await story.vary('POST /v1/build#2', {});
  await story.show(`PUT ${build}#1`);

  await story.show('PUT /v1/pack/:commit#1', 'POST /v1/pack#1');
  await story.show('GET /v1/pack/:commit#1', 'GET /v1/pack/:commit/content#1');
  await story.show(`POST ${build}/rerun#1`);

  await story.show(`POST ${slave}/shutdown#1`, 'POST /v1/slave/shutdown#1', 'POST /v1/slave/shutdown#2');
  await story.show(
    'GET /v1/utilization#1',
    'GET /v1/session#1',
    'POST /v1/session#1',
    'DELETE /v1/session#1',
  );
  await story.show('GET /v1/version#1', 'GET /v1/openapi.json#1', 'GET /v1/metrics#1');
  await story.show('GET /v1/eventlog#1', 'GET /v1/events#1', `DELETE ${slave}#1`);
  await story.show('GET /v1/job#1', `GET ${job}#1`, `GET ${job}/build#1`);
  await story.show(`GET ${job}/atom#1`, `GET ${job}/atom/history#1`);
}

describe('the examples of docs/api.md', () => {
  const corrections = new Map<ResponseBlock, string>();

  it('are what a master really sends (UPDATE_EXAMPLES=1 writes them)', async () => {
    const master = await startExampleMaster();
    const story = new Story(master, examples);
    try {
      await tell(story);
    } finally {
      await master.close();
    }
    expect([...story.responses.keys()].map(({ key }) => key)).to.have.members(examples.map(({ key }) => key));
    for (const [{ response }, real] of story.responses) {
      const correction = response === null ? null : correctionOf(response, real);
      if (response !== null && correction !== null) {
        // A person has to choose the excerpt.
        expect(
          response.isExcerpt && response.form !== 'text',
          `${response.text} is not in ${real.text}`,
        ).to.equal(false);
        corrections.set(response, correction);
      }
    }
    if (process.env.UPDATE_EXAMPLES === '1') {
      writeFileSync(file, withResponses(page, corrections));
    } else {
      expect(withResponses(page, corrections)).to.equal(page);
    }
  });

  it('cover every route', () => {
    const shown = new Set(examples.filter(({ response }) => response !== null).map(({ route }) => route));
    expect([...shown]).to.have.members(declared.map(({ method, path }) => `${method} ${path}`));
  });
});
