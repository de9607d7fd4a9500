import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { pino } from 'pino';
import { deferred } from '../../../../src/lib/async/deferred.js';
import type { App } from '../../../../src/master/http/app.js';
import { type Listening, listen } from '../../../../src/master/http/listen.js';
import type { TlsFiles } from '../../../../src/master/http/tls.js';
import { bareApp } from '../../../support/bare-app.js';
import { Certificates } from '../../../support/certificates.js';

const hostname = '127.0.0.1';

describe('a master over TLS that stops', () => {
  let directory: string;
  let ca: string;
  let tls: TlsFiles;
  before(function () {
    directory = mkdtempSync(join(tmpdir(), 'listen-tls-'));
    const certificates = Certificates.create(directory);
    if (certificates === null) {
      this.skip();
    }
    ca = readFileSync(certificates.caFile, 'utf8');
    const { certFile, keyFile } = certificates;
    tls = { certFile, keyFile, log: pino({ level: 'silent' }) };
  });
  after(() => rmSync(directory, { recursive: true }));

  const start = (app: App): Promise<Listening> => listen(app, { port: 0, hostname, explicit: true, tls });

  it('lets a response that is under way go out', async () => {
    const asked = deferred<void>();
    const stopping = deferred<void>();
    const { port, close } = await start(
      bareApp(async (_request, response) => {
        asked.resolve();
        await stopping.promise;
        // By then the master has begun to close.
        setImmediate(() => response.end('the whole response'));
      }, stopping.resolve),
    );
    const response = new Promise<string>((resolve, reject) => {
      request({ port, hostname, ca }, (response) => resolve(text(response)))
        .once('error', reject)
        .end();
    });
    await asked.promise;
    const closed = close();
    expect(await response).to.equal('the whole response');
    await closed;
  });

  it('does not wait for a connection that was made ahead of time', async () => {
    const { port, close } = await start(bareApp(() => undefined));
    const socket = connect({ port, host: hostname, ca });
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    await Promise.all([close(), gone]);
  });
});
