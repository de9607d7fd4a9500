import { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { expect } from 'chai';
import type { OpenedStream } from '../../../src/client/connection.js';
import { openResumingDownload } from '../../../src/client/resuming-download.js';
import { systemClock } from '../../../src/lib/clock.js';

const all = Buffer.from('0123456789');

/** Gives `pieces[n]` bytes at the nth request, then breaks off unless that was all. */
function server(pieces: readonly number[], etag: string | null = '"tag"') {
  const requests: Readonly<Record<string, string>>[] = [];
  const open = async (headers: Readonly<Record<string, string>>): Promise<OpenedStream> => {
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const to = from + (pieces[requests.length] ?? all.length);
    requests.push(headers);
    const stream = Readable.from(
      (async function* () {
        yield all.subarray(from, to);
        if (to < all.length) {
          throw new Error('broken off');
        }
      })(),
      { objectMode: false },
    );
    return { stream, bytes: all.length - from, etag, isPart: headers.range !== undefined };
  };
  return { requests, open };
}

const download = (open: (headers: Readonly<Record<string, string>>) => Promise<OpenedStream>) =>
  openResumingDownload({ open, clock: systemClock, random: () => 0, signal: new AbortController().signal });

describe('openResumingDownload', () => {
  it('resumes a download where it broke off, any number of times, while the bytes are the same', async () => {
    const { requests, open } = server([3, 0, 4]);
    const { stream, bytes } = await download(open);
    expect(bytes).to.equal(10);
    expect(String(await buffer(stream))).to.equal('0123456789');
    expect(requests).to.deep.equal([
      {},
      { range: 'bytes=3-', 'if-range': '"tag"' },
      { range: 'bytes=3-', 'if-range': '"tag"' },
      { range: 'bytes=7-', 'if-range': '"tag"' },
    ]);
  });

  it('ends with the error when the response has no ETag', async () => {
    const { open } = server([3], null);
    const failure = await buffer((await download(open)).stream).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).to.have.property('message', 'broken off');
  });

  it('ends with an error when the master has other bytes by then', async () => {
    const { open } = server([3]);
    const changed = async (headers: Readonly<Record<string, string>>) => ({
      ...(await open(headers)),
      isPart: false,
    });
    const failure = await buffer((await download(changed)).stream).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).to.have.property('message').that.includes('has changed');
  });

  it('gives up after several breaks without any new bytes', async () => {
    const { requests, open } = server([3, ...Array.from({ length: 30 }, () => 0)]);
    const failure = await buffer((await download(open)).stream).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).to.have.property('message', 'broken off');
    expect(requests.length).to.be.within(5, 20);
  });

  it('requests nothing more after its reader has failed', async () => {
    let requests = 0;
    const slowly = async function* () {
      for (const byte of all) {
        yield Buffer.of(byte);
        await yieldToEventLoop();
      }
    };
    const { stream } = await download(async () => {
      requests += 1;
      const slow = Readable.from(slowly(), { objectMode: false });
      return { stream: slow, bytes: all.length, etag: '"tag"', isPart: requests > 1 };
    });
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(new Error('the disk is full')) });
    const failure = await pipeline(stream, failing).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).to.have.property('message', 'the disk is full');
    expect(requests).to.equal(1);
  });
});
