import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { masterRelay } from '../../../src/client/master-relay.js';
import { systemClock } from '../../../src/lib/clock.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';

describe('masterRelay', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'master-relay-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const fetch = async (signed: string, arriving: string) => {
    const unused = () => Promise.reject(new Error('This is not called.'));
    const relay = masterRelay(
      {
        knownPacks: unused,
        getPack: unused,
        sendPack: unused,
        openPack: async () => ({
          stream: Readable.from([Buffer.from(arriving)]),
          bytes: arriving.length,
          etag: null,
          isPart: false,
        }),
      },
      { clock: systemClock, random: () => 0, signal: new AbortController().signal, patienceMs: 0 },
    );
    const digest = createHash('sha256').update(signed).digest('hex');
    const file = join(root, 'bundle');
    await relay.fetch({ commit: 'a'.repeat(40), base: null, bytes: signed.length, digest }, file);
    return readFileSync(file, 'utf8');
  };

  it('accepts a bundle whose digest is in the signed list', async () => {
    expect(await fetch('bundle', 'bundle')).to.equal('bundle');
  });

  it('refuses a bundle that was changed on its way, also when its length is the same', async () => {
    const error: unknown = await fetch('bundle', 'bandle').catch((reason: unknown) => reason);
    expect(error)
      .to.be.instanceOf(ClusterRunnerError)
      .with.property('message')
      .that.matches(/not the one/);
  });
});
