import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { blockGzip } from '../../../../src/lib/formats/block-gzip.js';

async function* chunksOf(chunks: readonly Uint8Array[]) {
  yield* chunks;
}

describe('blockGzip', () => {
  it('compresses to one valid gzip stream, with one member per block', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 0, maxLength: 50 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 64 }),
        async (chunks, blockBytes) => {
          const input = Buffer.concat(chunks);
          const members: number[] = [];
          const packed = await buffer(
            blockGzip(chunksOf(chunks), { blockBytes, level: 1, onMember: (bytes) => members.push(bytes) }),
          );
          let at = 0;
          const blocks = members.map((bytes) => {
            at += bytes;
            return gunzipSync(packed.subarray(at - bytes, at));
          });
          expect(at).to.equal(packed.length);
          expect(Buffer.concat(blocks).equals(input)).to.equal(true);
          expect(blocks.slice(0, -1).every((block) => block.length === blockBytes)).to.equal(true);
          expect(blocks).to.have.length(Math.ceil(input.length / blockBytes));
        },
      ),
    );
  });
});
