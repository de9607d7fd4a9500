import { expect } from 'chai';
import fc from 'fast-check';
import { FileIndex } from '../../../../src/job/inputs/file-index.js';
import { entryProblem, inputPattern, variablesInEntry } from '../../../../src/job/inputs/input-pattern.js';

const file = (path: string) => ({ path, mode: '100644', hash: path });
const index = new FileIndex(
  [
    'a.js',
    '.hidden/x',
    'src/a.js',
    'src/b.ts',
    'src/deep/c.js',
    'src/deep/(group)/[id].js',
    'src-other/a.js',
    'lib/a.js',
  ].map(file),
);
const atom = (value: string) => ({ variable: 'FILE', value });

function named(entry: string, folder = '', value: string | null = null): string[] {
  const pattern = inputPattern(entry, folder, value === null ? null : atom(value));
  return pattern === null
    ? []
    : index
        .matching(pattern)
        .map(({ path }) => path)
        .sort();
}

describe('an entry of inputs', () => {
  it('names a file, or a folder with everything in it', () => {
    expect(named('src/a.js')).to.deep.equal(['src/a.js']);
    expect(named('./src/a.js')).to.deep.equal(['src/a.js']);
    for (const folder of ['src', 'src/', './src/.']) {
      expect(named(folder)).to.deep.equal([
        'src/a.js',
        'src/b.ts',
        'src/deep/(group)/[id].js',
        'src/deep/c.js',
      ]);
    }
    expect(named('.')).to.have.length(8);
  });

  it('names files by patterns, hidden ones too', () => {
    expect(named('src/*.js')).to.deep.equal(['src/a.js']);
    expect(named('**/*.js')).to.deep.equal([
      'a.js',
      'lib/a.js',
      'src-other/a.js',
      'src/a.js',
      'src/deep/(group)/[id].js',
      'src/deep/c.js',
    ]);
    expect(named('s*/a.{js,ts}')).to.deep.equal(['src-other/a.js', 'src/a.js']);
    expect(named('**/x')).to.deep.equal(['.hidden/x']);
    expect(named('src/*')).to.deep.equal(['src/a.js', 'src/b.ts']);
    expect(named('src/deep/(group)/**')).to.deep.equal(['src/deep/(group)/[id].js']);
  });

  it('begins at the folder of clusterrunner.yaml, and may lead to its parents', () => {
    expect(named('*.js', 'src')).to.deep.equal(['src/a.js']);
    expect(named('../lib/*.js', 'src')).to.deep.equal(['lib/a.js']);
    expect(named('../../a.js', 'src/deep')).to.deep.equal(['a.js']);
    expect(named('../../outside', 'src')).to.deep.equal([]);
    expect(named('c.js', 'src/deep')).to.deep.equal(['src/deep/c.js']);
  });

  it('has the value of the atom, whose characters have no special meaning', () => {
    expect(named('$FILE', '', 'src/a.js')).to.deep.equal(['src/a.js']);
    expect(named('$FILE', '', '$PROJECT_DIR/src/a.js')).to.deep.equal(['src/a.js']);
    expect(named('$FILE', 'src', '$PROJECT_DIR/a.js')).to.deep.equal(['src/a.js']);
    expect(named('$FILE', '', './src/deep/../a.js')).to.deep.equal(['src/a.js']);
    expect(named('$FILE', '', 'src/deep/(group)/[id].js')).to.deep.equal(['src/deep/(group)/[id].js']);
    expect(named('$FILE', '', 'src/*.js')).to.deep.equal([]);
    expect(named('$FILE', '', '/src/a.js')).to.deep.equal([]);
    expect(named('$FILE', '', '../a.js')).to.deep.equal([]);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an entry names variables like a shell
    expect(named('${FILE}/**', '', 'src/deep')).to.deep.equal(['src/deep/(group)/[id].js', 'src/deep/c.js']);
    expect(named('**/$FILE', '', '[id].js')).to.deep.equal(['src/deep/(group)/[id].js']);
  });

  it('that is the value of the atom names the file with that path and no other, whatever its characters are', () => {
    const step = fc.stringMatching(/^[a-z*?[\]{}()!+@\\#$^,. -]{1,8}$/).filter((s) => !/^\.+$/.test(s));
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 3 }),
        fc.array(step, { minLength: 1 }),
        (one, other) => {
          const [path, otherPath] = [one.join('/'), other.join('/')];
          const files = new FileIndex([...new Set([path, `x/${path}`, `${otherPath}~`])].map(file));
          for (const entry of ['$FILE', 'x/$FILE', '{x,y}/$FILE']) {
            const pattern = inputPattern(entry, '', atom(path));
            const found = pattern === null ? [] : files.matching(pattern).map((match) => match.path);
            const isSaid = entry !== '{x,y}/$FILE' || !path.includes('\\');
            expect(found, entry).to.deep.equal(isSaid ? [entry === '$FILE' ? path : `x/${path}`] : []);
          }
        },
      ),
    );
  });

  it('includes a submodule that it may lead into', () => {
    const withSubmodule = new FileIndex([file('a'), { path: 'vendor/lib', mode: '160000', hash: 'c' }]);
    const found = (entry: string) => {
      const pattern = inputPattern(entry, '', null);
      return pattern === null ? [] : withSubmodule.matching(pattern).map(({ path }) => path);
    };
    for (const entry of [
      'vendor',
      'vendor/lib',
      'vendor/lib/x/y',
      'vendor/lib/src/*.js',
      '**/*.js',
      'v*/l*/z/?',
    ]) {
      expect(found(entry), entry).to.include('vendor/lib');
    }
    for (const entry of ['a', 'vendor/other/*.js', 'vendor/library/x']) {
      expect(found(entry), entry).to.not.include('vendor/lib');
    }
  });

  it('is refused when it leads nowhere', () => {
    const known = new Set(['FILE']);
    expect(entryProblem('src/**', known)).to.equal(null);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an entry names variables like a shell
    expect(entryProblem('../src/${FILE}_$FILE', known)).to.equal(null);
    expect(entryProblem('$OTHER', known)).to.contain('$OTHER, which no atomizer sets');
    expect(entryProblem('a$', known)).to.contain('a $ that names no variable');
    expect(entryProblem('[$]FILE', known)).to.contain('a $ that names no variable');
    expect(entryProblem('/etc', known)).to.contain('relative');
    expect(entryProblem('src/../lib', known)).to.contain('".." only at its beginning');
    expect(entryProblem('a\0', known)).to.contain('NUL');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an entry names variables like a shell
    expect(variablesInEntry('$A/${B}/$A')).to.deep.equal(['A', 'B']);
  });
});
