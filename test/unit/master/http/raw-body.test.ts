import { Readable } from 'node:stream';
import { expect } from 'chai';
import { chunksOf } from '../../../../src/master/http/raw-body.js';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';

/** What comes of reading a body whose first chunk is followed by this error. */
async function outcome(complete: boolean, code: string, bytes?: string): Promise<unknown> {
  const headers = bytes === undefined ? {} : { 'content-length': bytes };
  const request = Object.assign(new Readable({ read: () => undefined }), { complete, headers });
  request.once('data', () => request.destroy(Object.assign(new Error('aborted'), { code })));
  request.push('first');
  try {
    for await (const _ of chunksOf(request)) {
      // What comes is not looked at.
    }
    return null;
  } catch (error) {
    return error;
  }
}

describe('the body of a request whose sender hung up', () => {
  it('is refused, and no fault of the master, also when all of it had come', async () => {
    for (const bytes of [undefined, '1000', '1000000']) {
      for (const complete of [true, false]) {
        const error = await outcome(complete, 'ECONNRESET', bytes);
        expect(error).to.be.instanceOf(ClusterRunnerError).with.property('code', 'INVALID_REQUEST');
      }
    }
  });

  it('hides no other error once all of it had come', async () => {
    expect(await outcome(true, 'EIO'))
      .to.be.instanceOf(Error)
      .and.not.instanceOf(ClusterRunnerError);
    expect(await outcome(true, 'EIO', '1000'))
      .to.be.instanceOf(Error)
      .and.not.instanceOf(ClusterRunnerError);
  });
});
