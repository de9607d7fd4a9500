import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import fc from 'fast-check';
import { blockGzip } from '../../../../src/lib/formats/block-gzip.js';
import { readArchivedConsole } from '../../../../src/master/consoles/archived.js';
import { toId } from '../../../../src/protocol/ids.js';
import { BLOCK_BYTES, type ConsoleIndex } from '../../../../src/protocol/results/result-index.js';

function lineEnds(bytes: Uint8Array): number {
  return bytes.filter((byte) => byte === 10).length;
}

/** The position of the console in the tar, and how many of its lines end before each block boundary within it. */
function indexOf(console: Buffer, offset: number): ConsoleIndex {
  const marks: number[] = [];
  for (
    let at = (Math.floor(offset / BLOCK_BYTES) + 1) * BLOCK_BYTES;
    at < offset + console.length;
    at += BLOCK_BYTES
  ) {
    marks.push(lineEnds(console.subarray(0, at - offset)));
  }
  const lines = lineEnds(console) + (console.length > 0 && console.at(-1) !== 10 ? 1 : 0);
  return { atom_id: toId.atom(0), offset, bytes: console.length, lines, marks };
}

async function* one(bytes: Buffer) {
  yield bytes;
}

describe('the console of a finished atom', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'archived-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is read from anywhere in the archive as if it were a file', async () => {
    const lines = Array.from({ length: 60_000 }, (_, n) => `line ${n} ${'.'.repeat((n * 7919) % 97)}\n`);
    const console = Buffer.from(lines.join(''));
    const before = Buffer.alloc(BLOCK_BYTES - 1000, '\n');
    const members: number[] = [];
    const onMember = (bytes: number) => members.push(bytes);
    const tar = Buffer.concat([before, console, Buffer.alloc(5000, '\n')]);
    const file = join(directory, '0.tar.gz');
    writeFileSync(file, await buffer(blockGzip(one(tar), { blockBytes: BLOCK_BYTES, level: 1, onMember })));
    const consoleIndex = indexOf(console, before.length);
    expect(consoleIndex.marks.length, 'blocks that the console spans').to.be.greaterThan(2);
    await fc.assert(
      fc.asyncProperty(fc.nat(61_000), fc.integer({ min: 1, max: 3000 }), async (offsetLine, maxLines) => {
        const page = await readArchivedConsole(file, { members, consoles: [consoleIndex] }, consoleIndex, {
          offsetLine,
          maxLines,
        });
        expect(page.content).to.equal(lines.slice(offsetLine, offsetLine + maxLines).join(''));
      }),
      { numRuns: 40 },
    );
  });

  it('is a page or reported as unreadable, whatever its index says', async () => {
    const tar = Buffer.concat([Buffer.from('line\n'.repeat(300_000)), Buffer.alloc(5000)]);
    const members: number[] = [];
    const onMember = (bytes: number) => members.push(bytes);
    const file = join(directory, '0.tar.gz');
    writeFileSync(file, await buffer(blockGzip(one(tar), { blockBytes: BLOCK_BYTES, level: 1, onMember })));
    const count = fc.oneof(fc.nat(10), fc.nat(2 * BLOCK_BYTES), fc.constant(Number.MAX_SAFE_INTEGER));
    const lie = fc.record({
      members: fc.oneof(
        fc.constant(members),
        fc.array(fc.integer({ min: 1, max: 2 * BLOCK_BYTES }), { maxLength: 3 }),
      ),
      console: fc.record({
        atom_id: fc.constant(toId.atom(0)),
        offset: count,
        bytes: count,
        lines: count,
        marks: fc.array(count, { maxLength: 3 }),
      }),
      offsetLine: fc.option(count),
    });
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(lie, async ({ members: said, console, offsetLine }) => {
        const index = { members: said, consoles: [console] };
        const read = await readArchivedConsole(file, index, console, { offsetLine, maxLines: 10 }).catch(
          (error: unknown) => error,
        );
        if (read instanceof Error) {
          expect(read).to.have.property('code', 'RESULT_UNREADABLE');
          outcomes.add('unreadable');
        } else {
          outcomes.add('a page');
        }
      }),
      { numRuns: 150 },
    );
    expect([...outcomes]).to.have.members(['a page', 'unreadable']);
  });
});
