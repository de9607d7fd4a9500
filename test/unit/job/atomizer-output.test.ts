import { expect } from 'chai';
import fc from 'fast-check';
import {
  maskProjectDirectory,
  readAtomizerOutput,
  splitAtoms,
  unmaskProjectDirectory,
} from '../../../src/job/atomizer-output.js';

const piece = fc.constantFrom(
  '/srv/p',
  '/srv',
  '/p',
  '$',
  '$PROJECT_DIR',
  'PROJECT_DIR',
  '/',
  'x',
  '_',
  '.',
  ' ',
  ':',
  'é',
  '\\',
);
const value = fc.oneof(
  fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary' }),
);

describe('the bytes that an atomizer prints', () => {
  it('are taken as text when they are UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = Buffer.from(text.replaceAll('\0', ''));
        const read = readAtomizerOutput(bytes);
        expect('text' in read && Buffer.from(read.text).equals(bytes)).to.equal(true);
      }),
    );
    expect(readAtomizerOutput(Buffer.from('\ufeffa\u2028b\r\n'))).to.deep.equal({
      text: '\ufeffa\u2028b\r\n',
    });
  });

  it('are refused with the line and its bytes when they contain NUL or invalid UTF-8', () => {
    expect(readAtomizerOutput(Buffer.from("a\n\ncaf\xe9's.sh\n\0", 'latin1'))).to.deep.equal({
      problem: "line 3 of what it printed is not UTF-8: $'caf\\xe9\\'s.sh'",
    });
    expect(readAtomizerOutput(Buffer.from('é\0b'))).to.deep.equal({
      problem: "line 1 of what it printed holds a NUL byte: $'\\xc3\\xa9\\x00b'",
    });
    // An overlong form, and half a surrogate pair.
    for (const bytes of [
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
    ]) {
      expect(readAtomizerOutput(Buffer.from(bytes))).to.have.property('problem');
    }
  });

  it('are either refused with a message that shows them, or not changed', () => {
    const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 10, 0xe9, 0xc3, 0x61));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.array(byte, { maxLength: 8 }), (around, some) => {
        const bytes = Buffer.concat([
          around.map((one) => one & 0x7f || 1),
          Buffer.from(some),
          around.map((one) => one & 0x7f || 1),
        ]);
        const read = readAtomizerOutput(bytes);
        if ('text' in read) {
          expect(Buffer.from(read.text).equals(bytes)).to.equal(true);
        } else {
          expect(read.problem).to.match(/: \$'.*\\x(00|[89a-f][0-9a-f]).*'$/);
          expect(read.problem.length).to.be.lessThan(500);
        }
      }),
    );
  });
});

describe('the output of an atomizer', () => {
  it('is one atom per line after trimming', () => {
    expect(splitAtoms('\n  a b\r\n -c \n\n\u00a0d\u00a0\n\n')).to.deep.equal([
      'a b',
      ' -c ',
      '',
      '\u00a0d\u00a0',
    ]);
  });

  it('has no atoms when it is blank', () => {
    expect(splitAtoms('')).to.deep.equal([]);
    expect(splitAtoms(' \r\n\t\n')).to.deep.equal([]);
  });
});

describe('the path of the checkout in the value of an atom', () => {
  for (const [given, kept] of [
    ['/srv/p', '$PROJECT_DIR'],
    ['/srv/p/a b.txt', '$PROJECT_DIR/a b.txt'],
    ['--file=/srv/p/a:/srv/p/b', '--file=$PROJECT_DIR/a:$PROJECT_DIR/b'],
    ['file:///srv/p/a', 'file://$PROJECT_DIR/a'],
    ['/srv/p2 /srv/p-x /srv/p.bak /srv/pé', '/srv/p2 /srv/p-x /srv/p.bak /srv/pé'],
    ['/else/srv/p', '/else/srv/p'],
    ['x/srv/p', 'x/srv/p'],
    ['$PROJECT_DIR/a', '$$PROJECT_DIR/a'],
    ['$$PROJECT_DIR', '$$$PROJECT_DIR'],
    ['$PROJECT_DIRECTORY', '$PROJECT_DIRECTORY'],
    ['$/srv/p', '$/srv/p'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: shell text
    ['${PROJECT_DIR}', '${PROJECT_DIR}'],
  ] as const) {
    it(`is kept as ${kept} in ${given}`, () => {
      expect(maskProjectDirectory(given, '/srv/p')).to.equal(kept);
      expect(maskProjectDirectory(given, '/srv/p/')).to.equal(kept);
      expect(unmaskProjectDirectory(kept, '/srv/p')).to.equal(given);
    });
  }

  it('is that of the other machine there', () => {
    expect(unmaskProjectDirectory('$PROJECT_DIR/a', '/tmp/$x y/$&')).to.equal('/tmp/$x y/$&/a');
  });

  it('round-trips any value and path', () => {
    const directory = fc.constantFrom(
      '/tmp/with-dash [x]+(y){2}.$^*?|\\z',
      '/srv/p',
      '/',
      '/srv',
      '/a+b (c)',
      '/$PROJECT_DIR',
      '/srv/p/',
      '/w$',
    );
    fc.assert(
      fc.property(value, directory, (text, dir) => {
        expect(unmaskProjectDirectory(maskProjectDirectory(text, dir), dir)).to.equal(text);
      }),
      { numRuns: 3000 },
    );
  });

  it('is the only difference between two machines', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z/. $]{0,12}$/), (tail) => {
        const on = (dir: string) => maskProjectDirectory(`${dir}/${tail}`, dir);
        expect(on('/some/where')).to.equal(on('/else/wh e.re'));
      }),
    );
  });
});
