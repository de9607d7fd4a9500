import { expect } from 'chai';
import fc from 'fast-check';
import { Redactor } from '../../../../src/lib/text/redactor.js';

function masked(redactor: Redactor, pieces: readonly string[]): string {
  const stream = redactor.stream();
  const out = pieces.map((piece) => stream.push(Buffer.from(piece, 'latin1')));
  return Buffer.concat([...out, stream.end()]).toString('latin1');
}

/** A simple reference implementation. */
function slowly(texts: readonly string[], all: string): string {
  const hidden = new Set<number>();
  for (const text of texts) {
    for (let at = 0; at + text.length <= all.length; at += 1) {
      if (all.startsWith(text, at)) {
        [...text].forEach((_, index) => {
          hidden.add(at + index);
        });
      }
    }
  }
  return [...all].map((letter, index) => (hidden.has(index) ? '*' : letter)).join('');
}

describe('Redactor', () => {
  it('redacts a text wherever it is cut in two, and nothing else', () => {
    const redactor = new Redactor(['s3cret']);
    const all = 'a s3cret, s3cre and s3cs3cret.';
    for (let first = 0; first <= all.length; first += 1) {
      for (let second = first; second <= all.length; second += 1) {
        const pieces = [all.slice(0, first), all.slice(first, second), all.slice(second)];
        expect(masked(redactor, pieces)).to.equal('a ******, s3cre and s3c******.');
      }
    }
  });

  it('gives the same result for any division into pieces, also for overlapping texts', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 12 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 4, maxLength: 7 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 3 }), fc.array(letters, { maxLength: 8 }), (texts, pieces) => {
        const all = pieces.join('');
        const result = masked(new Redactor(texts), pieces);
        expect(result).to.equal(slowly(texts, all));
        expect(result.split('\n').map(({ length }) => length)).to.deep.equal(
          all.split('\n').map(({ length }) => length),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('holds back no more than a possible beginning of a text', () => {
    const stream = new Redactor(['s3cret']).stream();
    expect(stream.push(Buffer.from('password: s3cr')).toString()).to.equal('password: ');
    expect(stream.held).to.equal(4);
    expect(stream.push(Buffer.from('ib')).toString()).to.equal('s3crib');
    expect(stream.held).to.equal(0);
  });

  it('redacts each line of a text, very long lines, and letters beyond ASCII, but no lines that are too short', () => {
    const long = 'x'.repeat(10_000);
    const redactor = new Redactor(['BEGIN KEY\r\nabcdef\nEND KEY', long, 'größe', 'abc', '']);
    expect(masked(redactor, ['BEGIN ', 'KEY\n  abcdef END KEY abc'])).to.equal(
      '*********\n  ****** ******* abc',
    );
    expect(masked(redactor, [long.slice(0, 5000), long.slice(5000), '!'])).to.equal(`${'*'.repeat(10_000)}!`);
    expect(redactor.inEnd('die größe')).to.equal('die *******');
  });

  it('redacts the beginning of a cut output when it may be the rest of a text', () => {
    const redactor = new Redactor(['correct horse']);
    expect(redactor.inEnd('ect horse and correct horse')).to.equal('********* and *************');
    expect(redactor.inEnd('rse and more')).to.equal('rse and more');
  });
});
