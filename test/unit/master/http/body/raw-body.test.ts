import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { chunksOf, discardRest } from '../../../../../src/master/http/body/raw-body.js';
import { ClusterRunnerError } from '../../../../../src/protocol/errors.js';

/** The error of reading a body whose first chunk is followed by this error. */
async function outcome(complete: boolean, code: string, bytes?: string): Promise<unknown> {
  const headers = bytes === undefined ? {} : { 'content-length': bytes };
  const request = Object.assign(new Readable({ read: () => undefined }), { complete, headers });
  request.once('data', () => request.destroy(Object.assign(new Error('aborted'), { code })));
  request.push('first');
  try {
    for await (const _ of chunksOf(request)) {
      // The chunks are ignored.
    }
    return null;
  } catch (error) {
    return error;
  }
}

describe('the body of a request whose client hung up', () => {
  it('is refused and no internal error, also when all of it had arrived', async () => {
    for (const bytes of [undefined, '1000', '1000000']) {
      for (const complete of [true, false]) {
        const error = await outcome(complete, 'ECONNRESET', bytes);
        expect(error).to.be.instanceOf(ClusterRunnerError).with.property('code', 'INVALID_REQUEST');
      }
    }
  });

  it('hides no other error once all of it had arrived', async () => {
    expect(await outcome(true, 'EIO'))
      .to.be.instanceOf(Error)
      .and.not.instanceOf(ClusterRunnerError);
    expect(await outcome(true, 'EIO', '1000'))
      .to.be.instanceOf(Error)
      .and.not.instanceOf(ClusterRunnerError);
  });
});

describe('the rest of a body after an early response', () => {
  it('is not waited for when the connection is closed', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const server = createServer((request, response) => {
      discardRest(request);
      response.end();
    });
    server.on('clientError', (_, socket) => socket.destroy());
    const connected = once(server, 'connection');
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const client = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
    const before = timers();
    try {
      client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nfirst');
      const [socket] = await connected;
      await once(client, 'data');
      expect(timers()).to.equal(before + 1);
      client.destroy();
      await once(socket, 'close');
      expect(timers()).to.equal(before);
    } finally {
      client.destroy();
      server.close();
    }
  });
});
