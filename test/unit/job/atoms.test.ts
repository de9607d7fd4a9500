import { expect } from 'chai';
import fc from 'fast-check';
import { maskProjectDirectory, splitAtoms, unmaskProjectDirectory } from '../../../src/job/atoms.js';

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

describe('the output of an atomizer', () => {
  it('is one atom for each line, without the blanks around the whole', () => {
    expect(splitAtoms('\n  a b\r\n -c \n\n\u00a0d\u00a0\n\n')).to.deep.equal([
      'a b',
      ' -c ',
      '',
      '\u00a0d\u00a0',
    ]);
  });

  it('is no atoms when it is blank', () => {
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

  it('comes back as it was, whatever the value and the path', () => {
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

  it('is the only thing in which two machines differ', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z/. $]{0,12}$/), (tail) => {
        const on = (dir: string) => maskProjectDirectory(`${dir}/${tail}`, dir);
        expect(on('/some/where')).to.equal(on('/else/wh e.re'));
      }),
    );
  });
});
