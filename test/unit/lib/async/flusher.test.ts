import { expect } from 'chai';
import fc from 'fast-check';
import { deferred } from '../../../../src/lib/async/deferred.js';
import { Flusher } from '../../../../src/lib/async/flusher.js';

/** Lets pending callbacks run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('Flusher', () => {
  it('resolves after a flush that began after the call, and runs one flush at a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('ask', 'done', 'failed'), { maxLength: 40 }),
        async (story) => {
          /** The content when each flush began; the last one may be in progress. */
          const began: number[] = [];
          let underWay: ReturnType<typeof deferred<void>> | null = null;
          const flusher = new Flusher(() => {
            expect(underWay).to.equal(null);
            began.push(written);
            underWay = deferred();
            return underWay.promise;
          });
          let written = 0;
          let flushed = 0;
          const answered: Promise<void>[] = [];
          const end = async (how: string) => {
            const ending = underWay;
            underWay = null;
            if (how === 'done') {
              flushed = began.at(-1) ?? 0;
              ending?.resolve();
            } else {
              ending?.reject(new Error('The disk failed.'));
            }
            await settle();
          };
          for (const step of story) {
            if (step === 'ask') {
              written += 1;
              const mine = written;
              const check = () => {
                expect(flushed).to.be.at.least(mine);
              };
              const failed = (error: Error) => {
                expect(error.message).to.contain('disk');
              };
              answered.push(flusher.flush().then(check, failed));
            } else {
              await end(step);
            }
          }
          await end('done');
          await end('done');
          await Promise.all(answered);
          expect(began.length).to.be.at.most(written);
        },
      ),
    );
  });
});
