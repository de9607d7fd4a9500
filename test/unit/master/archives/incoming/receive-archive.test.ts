import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { receiveResult } from '../../../../../src/master/archives/incoming/receive-archive.js';
import { ClusterRunnerError } from '../../../../../src/protocol/errors.js';

interface Arrival {
  readonly head: string;
  readonly archive: Buffer;
  readonly announced: number;
}

/** Accepts any archive. */
const anything = { pass: async () => undefined, end: () => undefined };

describe('receiveResult', () => {
  let temporaryDirectory: string;
  beforeEach(() => {
    temporaryDirectory = mkdtempSync(join(tmpdir(), 'clusterrunner-receive-'));
  });
  afterEach(() => rmSync(temporaryDirectory, { recursive: true, force: true }));

  async function* inPieces(body: Buffer, size: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < body.length; at += size) {
      yield body.subarray(at, at + size);
    }
  }

  async function receive(
    chunks: AsyncIterable<Buffer>,
    headBytes: number,
    sha256: Buffer,
    room: { announcedBytes?: number; requireSpace?: (bytes: number) => void } = {},
  ): Promise<Arrival[]> {
    const arrived: Arrival[] = [];
    await receiveResult({
      chunks,
      headBytes,
      temporaryDirectory,
      maxArchiveBytes: 1024 ** 3,
      announcedBytes: null,
      requireSpace: () => undefined,
      ...room,
      readHead: (bytes) => bytes.toString(),
      inspect: () => anything,
      membersOf: () => [],
      verify: (found) => {
        if (!found.equals(sha256)) {
          throw new ClusterRunnerError('UNAUTHENTICATED', 'Not what was signed.');
        }
      },
      filesToAdd: async () => [],
      accept: async (head, { temporaryPath, bytes }) => {
        arrived.push({ head, archive: readFileSync(temporaryPath), announced: bytes });
      },
    });
    return arrived;
  }

  const sha256 = (body: Buffer) => createHash('sha256').update(body).digest();

  it('separates head and archive exactly, for any division of the body into pieces', async () => {
    const sizes = fc.integer({ min: 1, max: 50 });
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 2 }),
        fc.uint8Array(),
        sizes,
        async (head, archive, size) => {
          const body = Buffer.concat([Buffer.from(head), Buffer.from(archive)]);
          const arrived = await receive(inPieces(body, size), head.length, sha256(body));
          expect(arrived).to.deep.equal([
            { head: Buffer.from(head).toString(), archive: Buffer.from(archive), announced: archive.length },
          ]);
          expect(readdirSync(temporaryDirectory)).to.deep.equal([]);
        },
      ),
      { numRuns: 50 },
    );
  });

  const atMost = (free: number) => (bytes: number) => {
    if (bytes > free) {
      throw new ClusterRunnerError('UNAVAILABLE', 'It does not fit.');
    }
  };

  it('refuses an archive whose announced length exceeds the disk space, before it writes any of it', async () => {
    const body = Buffer.alloc(2_000_000);
    const refused = receive(inPieces(body, 100_000), 10, sha256(body), {
      announcedBytes: body.length - 10,
      requireSpace: atMost(1_000_000),
    });
    const failure: unknown = await refused.catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'UNAVAILABLE');
    expect(readdirSync(temporaryDirectory)).to.deep.equal([]);
  });

  it('stops and removes an archive when the disk runs out of space while it arrives', async () => {
    const body = Buffer.alloc(3_000_000);
    let free = 1_500_000;
    let most = 0;
    const requireSpace = (bytes: number) => {
      atMost(free)(bytes);
      free -= bytes;
      most = Math.max(
        most,
        ...readdirSync(temporaryDirectory).map((name) => statSync(join(temporaryDirectory, name)).size),
      );
    };
    const failure: unknown = await receive(inPieces(body, 100_000), 10, sha256(body), { requireSpace }).catch(
      (error: unknown) => error,
    );
    expect(failure).to.have.property('code', 'UNAVAILABLE');
    expect(most).to.be.within(1, 1_500_000);
    expect(readdirSync(temporaryDirectory)).to.deep.equal([]);
  });

  async function failureOf(
    chunks: AsyncIterable<Buffer>,
    headBytes: number,
    digest: Buffer,
  ): Promise<unknown> {
    const failure: unknown = await receive(chunks, headBytes, digest).catch((error: unknown) => error);
    expect(readdirSync(temporaryDirectory)).to.deep.equal([]);
    return failure;
  }

  it('accepts nothing and keeps no file when the body is not the signed one', async () => {
    const failure = await failureOf(
      inPieces(Buffer.from('{}archive'), 4),
      2,
      sha256(Buffer.from('{}Archive')),
    );
    expect(failure).to.have.property('code', 'UNAUTHENTICATED');
  });

  it('keeps no file when the sender breaks off', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('{}half of');
      throw new Error('connection reset');
    }
    expect(await failureOf(broken(), 2, Buffer.alloc(32))).to.have.property('message', 'connection reset');
  });

  it('reports a body that ends within the head', async () => {
    const failure = await failureOf(inPieces(Buffer.from('{}'), 1), 3, Buffer.alloc(32));
    expect(failure).to.have.property('code', 'INVALID_REQUEST');
  });

  it('reads no further than the head when the head is refused', async () => {
    let pieces = 0;
    let letGo = false;
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          pieces += 1;
          yield Buffer.alloc(10);
        }
      } finally {
        letGo = true;
      }
    }
    const refused = receiveResult({
      chunks: endless(),
      headBytes: 15,
      temporaryDirectory,
      maxArchiveBytes: 1024 ** 3,
      announcedBytes: null,
      requireSpace: () => undefined,
      readHead: () => {
        throw new ClusterRunnerError('STALE_LEASE', 'Over.');
      },
      inspect: () => anything,
      membersOf: () => [],
      verify: () => undefined,
      filesToAdd: async () => [],
      accept: async () => undefined,
    });
    const failure: unknown = await refused.catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'STALE_LEASE');
    expect(pieces).to.equal(2);
    expect(letGo).to.equal(true);
  });

  it('responds with UNAVAILABLE when the file cannot be written', async () => {
    rmSync(temporaryDirectory, { recursive: true });
    const body = Buffer.from('{}x');
    const failure: unknown = await receive(inPieces(body, 3), 2, sha256(body)).catch(
      (error: unknown) => error,
    );
    expect(failure).to.have.property('code', 'UNAVAILABLE');
  });
});
