import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { request } from 'undici';
import { MasterClient } from '../../../src/client/master-client.js';
import { toId } from '../../../src/protocol/ids.js';
import { type FakeMaster, startFakeMaster } from '../../support/fake-master.js';
import { noWork } from '../../support/fake-service.js';
import { pollRequest as held, named } from '../../support/named-slave.js';

interface Passed {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

const pollRequest = { ...held, wait_seconds: 0 };

describe('a response that somebody between a slave and its master has changed', () => {
  let master: FakeMaster;
  let between: Server;
  let slave: MasterClient;
  /** Changes each response on its way. */
  let change: (response: Passed) => Passed;
  beforeEach(async () => {
    master = await startFakeMaster({ secrets: ['the new secret', 'the old secret'] });
    change = (response) => response;
    between = createServer(async (incoming, outgoing) => {
      const { host: _, ...headers } = incoming.headers;
      const response = await request(`${master.url}${incoming.url}`, {
        method: incoming.method === 'POST' ? 'POST' : 'GET',
        headers,
        body: await buffer(incoming),
      });
      const passed = {
        status: response.statusCode,
        headers: response.headers,
        body: await response.body.text(),
      };
      const { status, headers: shown, body } = change(passed);
      outgoing.writeHead(status, { ...shown, 'content-length': Buffer.byteLength(body) }).end(body);
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    const address = between.address();
    const port = typeof address === 'object' ? address?.port : null;
    slave = new MasterClient({ url: `http://127.0.0.1:${port}`, secret: 'the old secret' });
  });
  afterEach(async () => {
    await slave.close();
    between.close();
    await master.close();
  });

  const register = () => slave.registerSlave(named);
  const ask = async () => {
    master.service.respondWithWork(noWork);
    return slave.askForWork(toId.slave(1), pollRequest);
  };

  it('is ignored: it cannot give the slave work, nor can the response to another request', async () => {
    await register();
    expect(await ask()).to.deep.include({ drain: false });
    const seen: Passed[] = [];
    change = (response) => {
      seen.push(response);
      return response;
    };
    await ask();
    const [earlier] = seen;
    if (earlier === undefined) {
      throw new Error('Nothing was seen.');
    }
    const changes: (typeof change)[] = [
      (response) => ({ ...response, body: response.body.replace('"drain":false', '"drain":true') }),
      (response) => ({ ...response, headers: { 'content-type': 'application/json' } }),
      ({ headers, ...response }) => {
        const { signature: _, ...rest } = headers;
        return { ...response, headers: rest };
      },
      () => earlier,
    ];
    for (const each of changes) {
      change = each;
      const refused: unknown = await ask().catch((error: unknown) => error);
      expect(refused).to.have.property('code', 'MASTER_UNREACHABLE');
      expect(refused).to.have.property('message').that.contains('not signed');
    }
  });
});
