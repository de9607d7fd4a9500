import { expect } from 'chai';
import fc from 'fast-check';
import { PathAliases } from '../../../../src/lib/text/path-aliases.js';

const checkout = '/base/slaves/slave-0/builds/1';
const aliases = new PathAliases([
  { path: checkout, alias: '$PROJECT_DIR/..' },
  { path: `${checkout}/süb`, alias: '$PROJECT_DIR' },
]);

/** Texts in which paths, parts of them and similar texts are frequent. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        checkout,
        `${checkout}/süb`,
        `${checkout}2`,
        `${checkout}/sübway`,
        '/base/slaves',
        '/',
        '//',
        'süb',
        ' ',
        '\n',
        '.',
        ':3',
        'é',
        '😀',
      ),
      fc.integer({ min: 0, max: checkout.length }).map((length) => checkout.slice(0, length)),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (whole.length + 1)), whole.length].sort(
    (a, b) => a - b,
  );
  return sorted.slice(1).map((end, index) => whole.subarray(sorted[index], end));
}

describe('PathAliases', () => {
  for (const [given, shown] of [
    [checkout, '$PROJECT_DIR/..'],
    [`${checkout}/süb/a.py:3: in`, '$PROJECT_DIR/a.py:3: in'],
    [`-I${checkout}/süb`, '-I$PROJECT_DIR'],
    [`file://${checkout}/süb/a.js`, 'file://$PROJECT_DIR/a.js'],
    [`in ${checkout}.`, 'in $PROJECT_DIR/...'],
    [`${checkout}/a:${checkout}/süb`, '$PROJECT_DIR/../a:$PROJECT_DIR'],
    [`${checkout}2/a`, `${checkout}2/a`],
    [`${checkout}-2/a`, `${checkout}-2/a`],
    [`${checkout}/sübway`, '$PROJECT_DIR/../sübway'],
    [`/${checkout}`, '/$PROJECT_DIR/..'],
    [checkout.slice(0, -1), checkout.slice(0, -1)],
  ] as const) {
    it(`${given} is shown as ${shown}`, () => {
      expect(aliases.inText(given)).to.equal(shown);
    });
  }

  it('replace the same paths for any division into pieces, and change nothing else', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(400), { maxLength: 6 }), (whole, places) => {
        const stream = aliases.byteStream();
        const pieces = cut(Buffer.from(whole), places).map((piece) => stream.push(piece));
        const shown = Buffer.concat([...pieces, stream.end()]).toString();
        expect(shown).to.equal(aliases.inText(whole));
        expect(shown).to.equal(
          whole.replace(/\/base\/slaves\/slave-0\/builds\/1(\/süb)?(?![\w-]|[^\0-\x7f])/gu, (_, sub) =>
            sub === undefined ? '$PROJECT_DIR/..' : '$PROJECT_DIR',
          ),
        );
      }),
      { numRuns: 3000 },
    );
  });

  it('replace the same paths in pieces where a path contains its own beginning, and where paths share little', () => {
    const paths = ['/a/b/a', '/a/b/a/b', '/x', '/a'];
    const several = new PathAliases(paths.map((path, index) => ({ path, alias: `$${index}` })));
    const words = fc.array(fc.constantFrom('/a', '/b', '/x', '/', 'a', ':'), { maxLength: 12 });
    fc.assert(
      fc.property(words, fc.array(fc.nat(40), { maxLength: 6 }), (parts, places) => {
        const whole = parts.join('');
        const stream = several.byteStream();
        const pieces = cut(Buffer.from(whole), places).map((piece) => stream.push(piece));
        const shown = whole.replace(
          /(\/a\/b\/a\/b|\/a\/b\/a|\/x|\/a)(?![\w-])/g,
          (path) => `$${paths.indexOf(path)}`,
        );
        expect(Buffer.concat([...pieces, stream.end()]).toString()).to.equal(shown);
      }),
      { numRuns: 3000 },
    );
  });

  it('hold back at most the length of the longest path', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(400), { maxLength: 6 }), (whole, places) => {
        const stream = aliases.byteStream();
        let pushed = Buffer.alloc(0);
        let shown = Buffer.alloc(0);
        for (const piece of cut(Buffer.from(whole), places)) {
          pushed = Buffer.concat([pushed, piece]);
          shown = Buffer.concat([shown, stream.push(piece)]);
          const rest = aliases.byteStream();
          const all = Buffer.concat([rest.push(pushed), rest.end()]);
          expect(all.length - shown.length).to.be.at.most(Buffer.byteLength(`${checkout}/süb`));
        }
      }),
    );
  });

  it('leave bytes that are no text unchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (before, after) => {
        const stream = aliases.byteStream();
        const given = Buffer.concat([before, Buffer.from(` ${checkout} `), after]);
        const shown = Buffer.concat([stream.push(given), stream.end()]);
        expect(shown.equals(Buffer.concat([before, Buffer.from(' $PROJECT_DIR/.. '), after]))).to.equal(true);
      }),
    );
  });

  it('change nothing when there are no aliases', () => {
    const stream = new PathAliases([]).byteStream();
    expect(stream.push(Buffer.from(checkout)).toString() + stream.end().toString()).to.equal(checkout);
  });
});
