import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { integer } from '../../../src/master/store/engine/columns.js';
import { GroupCommit } from '../../../src/master/store/engine/group-commit.js';
import { sql } from '../../../src/master/store/engine/sql.js';
import { availableLibraries, SqliteError } from '../../../src/master/store/engine/sqlite.js';
import { openStore, type Store } from '../../../src/master/store/engine/store.js';
import { change } from '../../../src/master/store/engine/write.js';
import { atCommitPoints } from '../../support/commit-points.js';
import { mountSmallDisk } from '../../support/small-disk.js';
import { eventually } from '../../support/wait.js';

const full = () => new SqliteError('database or disk is full', 'SQLITE_FULL');
const noteOf = (n: number) => [
  change(sql`INSERT INTO events (time, kind, data) VALUES (${n}, 'TEST', '{}')`),
];

async function notes(store: Store): Promise<number[]> {
  const rows = await store.db.all(sql`SELECT time FROM events ORDER BY id`, { time: integer });
  return rows.map(({ time }) => time);
}

/** Fills the disk to the last byte; the caller removes the file. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let bytes = 1024 ** 2; bytes >= 1; ) {
      try {
        writeSync(file, Buffer.alloc(bytes));
      } catch {
        // When the disk does not take so much, the rest takes less.
        bytes = Math.floor(bytes / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}

for (const library of availableLibraries()) {
  describe(`a store on ${library} that cannot be written for a while`, () => {
    let directory: string;
    let store: Store;
    let outages: unknown[];
    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), 'clusterrunner-outage-'));
      outages = [];
      store = await openStore(join(directory, 'master.db'), {
        library,
        onOutage: (error) => outages.push(error),
      });
    });
    afterEach(async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    });

    it('commits everything in order when it recovers, however many commits fail, and reports each outage once', async () => {
      const plans = fc.array(fc.record({ fails: fc.nat(2), writes: fc.integer({ min: 1, max: 4 }) }), {
        minLength: 1,
        maxLength: 5,
      });
      await fc.assert(
        fc.asyncProperty(plans, async (plan) => {
          const before = (await notes(store)).length;
          let failures = 0;
          let n = 0;
          outages = [];
          const look = (when: 'before' | 'after') => {
            if (when === 'before' && failures > 0) {
              failures -= 1;
              throw full();
            }
          };
          await atCommitPoints(look, async () => {
            for (const { fails, writes } of plan) {
              failures = fails;
              const written = Array.from({ length: writes }, () => {
                n += 1;
                return store.write(noteOf(n));
              });
              await Promise.all(written);
            }
          });
          expect((await notes(store)).slice(before)).to.deep.equal(
            Array.from({ length: n }, (_, at) => at + 1),
          );
          expect(store.outage).to.equal(null);
          expect(outages.map((error) => (error === null ? 'over' : 'begins'))).to.deep.equal(
            plan.filter(({ fails }) => fails > 0).flatMap(() => ['begins', 'over']),
          );
        }),
        { numRuns: 10 },
      );
    });

    it('refuses a write that asked for it, which has no effect, and keeps the others', async () => {
      let isFull = true;
      const look = (when: 'before' | 'after') => {
        if (when === 'before' && isFull) {
          throw full();
        }
      };
      await atCommitPoints(look, async () => {
        const kept = store.write(noteOf(1));
        const refused = store.write(noteOf(2), 'refuse').catch((error: unknown) => error);
        expect(await refused).to.have.property('code', 'SQLITE_FULL');
        expect(store.outage).to.not.equal(null);
        expect(await store.write(noteOf(3), 'refuse').catch((error: unknown) => error)).to.have.property(
          'code',
          'SQLITE_FULL',
        );
        isFull = false;
        await kept;
      });
      expect(await notes(store)).to.deep.equal([1]);
      await store.write(noteOf(4), 'refuse');
      expect(await notes(store)).to.deep.equal([1, 4]);
    });

    it('ends an outage by itself when nothing is left to write', async () => {
      let isFull = true;
      const look = (when: 'before' | 'after') => {
        if (when === 'before' && isFull) {
          throw full();
        }
      };
      await atCommitPoints(look, async () => {
        await store.write(noteOf(1), 'refuse').catch(() => undefined);
        expect(store.outage).to.not.equal(null);
        isFull = false;
        await eventually('the outage is over', () => store.outage === null);
      });
      expect(await notes(store)).to.deep.equal([]);
    });

    it('closes in an outage with only what was committed', async () => {
      let isFull = false;
      const look = (when: 'before' | 'after') => {
        if (when === 'before' && isFull) {
          throw full();
        }
      };
      await atCommitPoints(look, async () => {
        await store.write(noteOf(1));
        isFull = true;
        const lost = store.write(noteOf(2)).catch((error: unknown) => error);
        await store.close();
        expect(await lost).to.have.property('code', 'SQLITE_FULL');
      });
      store = await openStore(join(directory, 'master.db'));
      expect(await notes(store)).to.deep.equal([1]);
    });

    it('acknowledges nothing after a failed flush before it is on the disk in another way', async () => {
      const failure = Object.assign(new Error('i/o error'), { code: 'EIO' });
      let repaired = 0;
      let flushes = 0;
      const committed: unknown[] = [];
      const commits = new GroupCommit({
        async transaction(groups) {
          const taken = [...groups];
          committed.push(...taken);
          return taken.map(() => []);
        },
        async flush() {
          flushes += 1;
          if (flushes === 1) {
            throw failure;
          }
        },
        async repair() {
          repaired += 1;
          if (repaired < 3) {
            throw failure;
          }
        },
      });
      await commits.write(noteOf(1));
      expect(repaired).to.equal(3);
      expect(commits.outage).to.equal(null);
      await commits.write(noteOf(2));
      expect(repaired).to.equal(3);
      await commits.close();
      expect(committed).to.have.length(2);
    });

    it('names the full disk as the cause, and continues when there is space', async function () {
      const disk = mountSmallDisk(4);
      if (disk === null) {
        return this.skip();
      }
      try {
        const small = await openStore(join(disk.path, 'master.db'), {
          onOutage: (error) => outages.push(error),
        });
        await small.write(noteOf(1));
        const ballast = join(disk.path, 'ballast');
        fill(ballast);
        // More than the rest of the log's file holds.
        const large = small.write([
          change(sql`INSERT INTO events (time, kind, data) VALUES (2, 'TEST', ${'x'.repeat(100_000)})`),
        ]);
        await eventually('the outage is noticed', () => small.outage !== null);
        expect(outages[0]).to.have.property('code', 'SQLITE_FULL');
        rmSync(ballast);
        await large;
        expect(outages.at(-1)).to.equal(null);
        expect(await notes(small)).to.deep.equal([1, 2]);
        await small.close();
      } finally {
        disk.unmount();
      }
    });
  });
}
