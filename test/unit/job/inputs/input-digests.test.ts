import { expect } from 'chai';
import fc from 'fast-check';
import { FileIndex, type InputFile } from '../../../../src/job/inputs/file-index.js';
import { inputDigests } from '../../../../src/job/inputs/input-digests.js';
import { messageOf } from '../../../../src/protocol/errors.js';
import { failureOf } from '../../../support/failure-of.js';

const file = (path: string, hash = path, mode = '100644') => ({ path, mode, hash });
const link = (path: string, to: string) => file(path, `->${to}`, '120000');
const atom = (value: string, variable = 'FILE') => ({ variable, value });

const base = [file('src/a.js'), file('src/b.js'), file('test/1.js'), file('test/2.js'), file('README.md')];

interface Given {
  readonly files?: readonly InputFile[];
  readonly entries?: readonly string[];
  readonly atoms?: readonly { variable: string; value: string }[];
  readonly extra?: readonly string[];
  readonly folder?: string;
}

function digests({
  files = base,
  entries = ['src/**', '$FILE'],
  atoms = [atom('test/1.js'), atom('test/2.js')],
  extra = [],
  folder = '',
}: Given = {}) {
  const linkText = async ({ hash }: InputFile) => hash.slice(2);
  return inputDigests({ entries, index: new FileIndex(files), folder, extra, linkText }, atoms);
}

const changed = (path: string) => base.map((one) => (one.path === path ? { ...one, hash: 'other' } : one));

describe('the inputs of an atom', () => {
  it('are the same for the same files, in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(base, { minLength: base.length }),
        fc.shuffledSubarray(['src/**', '$FILE', 'README.md'], { minLength: 3 }),
        async (files, entries) => {
          expect(await digests({ files, entries })).to.deep.equal(
            await digests({ entries: ['src/**', '$FILE', 'README.md'] }),
          );
        },
      ),
    );
  });

  it('change with the content, the mode and the path of each of its files, and with no others', async () => {
    const [one, two] = await digests();
    expect(one).to.not.deep.equal(two);
    const ofOwn = await digests({ files: changed('test/1.js') });
    expect(ofOwn[0]).to.not.deep.equal(one);
    expect(ofOwn[1]).to.deep.equal(two);
    for (const files of [
      changed('src/a.js'),
      base.map((each) => (each.path === 'src/a.js' ? { ...each, mode: '100755' } : each)),
      base.map((each) => (each.path === 'src/a.js' ? { ...each, path: 'src/c.js' } : each)),
      base.filter(({ path }) => path !== 'src/b.js'),
      [...base, file('src/new.js')],
    ]) {
      const other = await digests({ files });
      expect(other[0]).to.not.deep.equal(one);
      expect(other[1]).to.not.deep.equal(two);
    }
    expect(await digests({ files: changed('README.md') })).to.deep.equal([one, two]);
  });

  it('change with any text that belongs to all atoms, such as the digest of a downloaded file', async () => {
    expect(await digests({ extra: ['a', 'b'] })).to.not.deep.equal(await digests({ extra: ['ab'] }));
  });

  it('include settings of git that change how files are checked out', async () => {
    const before = await digests({ files: [...base, file('test/.gitattributes')] });
    const after = await digests({ files: [...base, file('test/.gitattributes', 'crlf')] });
    expect(before).to.not.deep.equal(after);
  });

  it('include the file that a link leads to, over several links', async () => {
    const files = [...base, link('link', 'lib/other'), link('lib/other', '../src'), file('lib/x')];
    const entries = ['link'];
    const before = await digests({ files, entries });
    expect(before[0]).to.have.property('digest');
    const after = await digests({
      files: [...changed('src/a.js'), ...files.slice(base.length)],
      entries,
    });
    expect(after).to.not.deep.equal(before);
  });

  it('are not known where a link leads to no file of the commit', async () => {
    for (const to of ['/etc/passwd', '../outside', 'missing', 'via/a.js', '..']) {
      const files = [...base, link('link', to), link('via', 'src')];
      expect(await digests({ files, entries: ['link'] }), to).to.deep.equal([
        { problem: 'LINK' },
        { problem: 'LINK' },
      ]);
    }
    const circle = [...base, link('one', 'two'), link('two', 'one')];
    expect((await digests({ files: circle, entries: ['one'] }))[0]).to.have.property('digest');
  });

  it('are not known for an atom that names no file', async () => {
    const [one, two] = await digests({ atoms: [atom('test/1.js'), atom('test_one[3]')] });
    expect(one).to.have.property('digest');
    expect(two).to.deep.equal({ problem: 'NO_INPUT' });
  });

  it('are those of the entries with its own variable', async () => {
    const atoms = [atom('test/1.js'), atom('test/1.js', 'OTHER'), atom('test/2.js', 'THIRD')];
    const [one, other, third] = await digests({ atoms, entries: ['$FILE', '$OTHER'] });
    expect(one).to.have.property('digest');
    expect(other).to.deep.equal(one);
    expect(third).to.deep.equal({ problem: 'NO_INPUT' });
    expect((await digests({ atoms, entries: ['$FILE', 'src'] }))[2]).to.have.property('digest');
  });

  it('are an error when an entry for all atoms names no file', async () => {
    const error = await failureOf(digests({ entries: ['scr/**', '$FILE'] }));
    expect(error).to.have.property('code', 'PREPARATION_FAILED');
    expect(messageOf(error)).to.contain('The entry "scr/**" of "inputs" names no file of the commit');
  });

  it('are not known where a path is not UTF-8', async () => {
    expect((await digests({ files: [...base, file('src/\ufffd')] }))[0]).to.deep.equal({
      problem: 'UNREADABLE_NAME',
    });
  });
});
