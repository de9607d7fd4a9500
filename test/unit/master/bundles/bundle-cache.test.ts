import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { BundleCache } from '../../../../src/master/bundles/bundle-cache.js';
import { MAX_CHAIN } from '../../../../src/protocol/bundle.js';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { ManualClock } from '../../../support/manual-clock.js';

const DIGEST = 'd'.repeat(64);
const HOUR = 60 * 60 * 1000;
const commit = (n: number) => n.toString(16).padStart(40, '0');

describe('the bundles that a master keeps', () => {
  let root: string;
  let clock: ManualClock;
  let needed: string[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'packs-'));
    clock = new ManualClock();
    needed = [];
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const start = () =>
    new BundleCache({
      directory: join(root, 'packs'),
      clock,
      maxBytes: 100,
      requireDisk: () => undefined,
      numSlaves: () => 2,
      needed: () => needed,
    });
  const keep = async (bundles: BundleCache, of: string, base: string | null, bytes = 10) => {
    const temporaryPath = join(root, 'incoming');
    writeFileSync(temporaryPath, 'x'.repeat(bytes));
    await bundles.keep(of, base, { temporaryPath, bytes, digest: DIGEST });
  };
  const codeOf = async (action: Promise<unknown>) => {
    const error: unknown = await action.catch((reason: unknown) => reason);
    return error instanceof ClusterRunnerError ? error.code : error;
  };

  it('form chains, also after a restart', async () => {
    const bundles = start();
    await keep(bundles, commit(1), null);
    await keep(bundles, commit(2), commit(1));
    const chain = [
      { commit: commit(2), base: commit(1), bytes: 10, digest: DIGEST },
      { commit: commit(1), base: null, bytes: 10, digest: DIGEST },
    ];
    expect(bundles.chain(commit(2))).to.deep.equal(chain);
    expect(start().chain(commit(2))).to.deep.equal(chain);
    expect(bundles.known([commit(1), commit(2), commit(3)])).to.deep.equal([commit(1), commit(2)]);
  });

  it('are refused when their base is missing', async () => {
    expect(await codeOf(keep(start(), commit(2), commit(1)))).to.equal('CONFLICT');
  });

  it('are not based on a chain that is too long', async () => {
    const bundles = start();
    await keep(bundles, commit(0), null, 1);
    for (let n = 1; n <= MAX_CHAIN; n += 1) {
      await keep(bundles, commit(n), commit(n - 1), 1);
    }
    expect(bundles.chain(commit(MAX_CHAIN))).to.have.length(MAX_CHAIN + 1);
    expect(bundles.known([commit(MAX_CHAIN)])).to.deep.equal([]);
  });

  it('are removed a day after their last use, unless a build needs them', async () => {
    const bundles = start();
    await keep(bundles, commit(1), null);
    await keep(bundles, commit(2), commit(1));
    await keep(bundles, commit(3), null);
    needed = [commit(2)];
    clock.advance(25 * HOUR);
    await bundles.trim();
    expect(bundles.known([commit(1), commit(2), commit(3)])).to.deep.equal([commit(1), commit(2)]);
    needed = [];
    clock.advance(25 * HOUR);
    await bundles.trim();
    expect(readdirSync(join(root, 'packs'))).to.deep.equal([]);
  });

  it('are removed to make space for others, the least recently used first', async () => {
    const bundles = start();
    await keep(bundles, commit(1), null, 60);
    clock.advance(2 * HOUR);
    await keep(bundles, commit(2), null, 60);
    expect(await bundles.remainingBytes()).to.equal(40);
    expect(bundles.known([commit(1), commit(2)])).to.deep.equal([commit(2)]);
  });

  it('are refused when needed ones leave no space', async () => {
    const bundles = start();
    await keep(bundles, commit(1), null, 100);
    needed = [commit(1)];
    clock.advance(2 * HOUR);
    expect(await codeOf(bundles.remainingBytes())).to.equal('UNAVAILABLE');
  });

  it('are reported as missing when somebody has removed the file', async () => {
    const bundles = start();
    await keep(bundles, commit(1), null);
    rmSync(join(root, 'packs'), { recursive: true });
    expect(await codeOf(bundles.open(commit(1)))).to.equal('NOT_FOUND');
    await keep(bundles, commit(1), null);
    const { file } = await bundles.open(commit(1));
    await file.close();
    expect(existsSync(join(root, 'incoming'))).to.equal(false);
  });
});
