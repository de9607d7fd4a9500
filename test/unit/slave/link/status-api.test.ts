import { get } from 'node:http';
import { json } from 'node:stream/consumers';
import { expect } from 'chai';
import { pino } from 'pino';
import { type StatusServer, serveStatus } from '../../../../src/slave/link/status-api.js';

function ask(port: number, host: string): Promise<{ status: number | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/v1', headers: { host } }, (response) => {
      json(response).then((body) => resolve({ status: response.statusCode, body }), reject);
    }).on('error', reject);
  });
}

describe('the status API of a slave', () => {
  let server: StatusServer;
  beforeEach(async () => {
    const log = pino({ level: 'silent' });
    server = await serveStatus({ port: 0, explicit: false, address: '127.0.0.1', name: 'worker-1', log });
    server.show(() => ({
      slave_id: 1,
      name: 'worker-1',
      master_url: 'http://master:43000',
      is_draining: false,
      executors: [],
      containment: 'subreaper',
      builds_in_teardown: [],
      num_results_waiting: 0,
      unremovable: { folder: '/root/unremovable', count: 0 },
    }));
  });
  afterEach(() => server.close());

  it('responds to the names of this machine only, not to one that a web page has pointed to its address', async () => {
    expect((await ask(server.port, 'worker-1:43001')).status).to.equal(200);
    expect((await ask(server.port, `127.0.0.1:${server.port}`)).status).to.equal(200);
    const refused = await ask(server.port, 'evil.example');
    expect(refused.status).to.equal(421);
    expect(refused.body).to.include({ STATUS: 'FAILURE', code: 'WRONG_HOST' });
  });
});
