import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLogger } from '../../../../src/lib/logger.js';
import { toId } from '../../../../src/protocol/ids.js';
import type { ResultReport } from '../../../../src/protocol/slave/slave-messages.js';
import { Outbox } from '../../../../src/slave/archive/outbox.js';
import { ranIn } from '../../../support/ran-in.js';

const RESULTS = 2_300;

describe('Outbox', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-outbox-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const reportOf = (lease: number): ResultReport => ({
    lease: { lease_id: toId.lease(lease), attempt: toId.attempt(1) },
    atoms: [{ id: toId.atom(0), exit_code: 0, actual_time: 1 }],
    ran_in: ranIn,
    index: { members: [20], consoles: [] },
  });

  function outboxWith(deliver: (lease: number) => Promise<void>): Outbox {
    return new Outbox(
      directory,
      {
        client: {
          deliverResult: (_slave, _build, _subjob, { lease }) => deliver(lease.lease_id),
          returnLease: async () => undefined,
        },
        retryUntilAcknowledged: (call, signal) => call(toId.slave(1), { signal }),
      },
      createLogger({ level: 'silent', name: 'test' }),
      new AbortController().signal,
      () => undefined,
    );
  }

  it('loads the results of an earlier process page by page, and delivers all of them', async () => {
    for (let lease = 1; lease <= RESULTS; lease += 1) {
      const pending = { build_id: 1, subjob_id: 0, report: reportOf(lease) };
      writeFileSync(join(directory, `${lease}.json`), JSON.stringify(pending));
      writeFileSync(join(directory, `${lease}.tar.gz`), '');
    }
    const delivered = new Set<number>();
    let mostNamed = 0;
    const outbox = outboxWith(async (lease) => {
      delivered.add(lease);
      mostNamed = Math.max(mostNamed, outbox.leases().length);
      expect(outbox.size).to.be.at.least(outbox.leases().length);
    });
    outbox.resume();
    expect(outbox.size).to.equal(RESULTS);
    await outbox.emptied();
    expect(delivered.size).to.equal(RESULTS);
    expect(mostNamed).to.be.within(1, 1_010);
    expect(readdirSync(directory)).to.deep.equal([]);
  });

  it('removes the unfinished results of an earlier process', () => {
    for (const name of ['1.json', '2.tar.gz', '3.json.new', '4.tar.gz', '4.json.new']) {
      writeFileSync(join(directory, name), '');
    }
    const outbox = outboxWith(async () => undefined);
    outbox.resume();
    expect(outbox.size).to.equal(0);
    expect(readdirSync(directory)).to.deep.equal([]);
  });

  it('is full when thousands of results are pending', () => {
    const outbox = outboxWith(() => new Promise(() => undefined));
    for (let lease = 1; lease < 5_000; lease += 1) {
      outbox.send(toId.build(1), toId.subjob(0), reportOf(lease));
    }
    expect(outbox.isFull).to.equal(false);
    outbox.send(toId.build(1), toId.subjob(0), reportOf(5_000));
    expect(outbox.isFull).to.equal(true);
  });
});
