import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { type TarEntry, tarHeader, tarPadding } from '../../../../src/lib/formats/tar-header.js';

const mtime = new Date(1_700_000_000_000);

describe('tarHeader', () => {
  it('round-trips any name and length', async () => {
    const name = fc
      .string({
        unit: fc.constantFrom('a', 'ü', ' ', '"', '*', '\n', '日', '-'),
        minLength: 1,
        maxLength: 300,
      })
      .filter((path) => path.trim() === path && path.trim() !== '');
    await fc.assert(
      fc.asyncProperty(name, fc.string({ maxLength: 1500 }), async (path, content) => {
        const bytes = Buffer.from(content);
        const entry: TarEntry = { path, type: 'File', size: bytes.length, mode: 0o755, mtime };
        const tar = Buffer.concat([tarHeader(entry), bytes, tarPadding(bytes.length), Buffer.alloc(1024)]);
        expect(tar.length % 512).to.equal(0);
        const read: unknown[] = [];
        const into = extract();
        into.end(tar);
        for await (const one of into) {
          const { name: readName, size, mode, mtime: time } = one.header;
          read.push({ readName, size, mode, time, text: await text(Readable.from(one)) });
        }
        expect(read).to.deep.equal([
          { readName: path, size: bytes.length, mode: 0o755, time: mtime, text: bytes.toString() },
        ]);
      }),
    );
  });

  it('takes one block when its name is short, so that the offset of its bytes is known beforehand', () => {
    const path = 'artifact_12345678_12345678/clusterrunner_console_output';
    expect(tarHeader({ path, type: 'File', size: 2 ** 33 - 1, mode: 0o644, mtime })).to.have.length(512);
  });
});
