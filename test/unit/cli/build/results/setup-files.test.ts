import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { copySetups, SETUP_NAME, setupName } from '../../../../../src/cli/build/results/setup-files.js';
import { replaceableFolder } from '../../../../../src/cli/build/results/unpack-results.js';
import { SETUP_FILE } from '../../../../../src/protocol/results/archive-names.js';
import { formatSetupOutput } from '../../../../../src/slave/build/setup-output.js';

const text = (slave: string, output = 'installed\n') =>
  formatSetupOutput({ slave, seconds: 12.34, output, isCut: false });

describe('the outputs of setups in the results', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'setups-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function folder(name: string, content: string | null): void {
    mkdirSync(join(directory, name));
    if (content !== null) {
      writeFileSync(join(directory, name, SETUP_FILE), content);
    }
  }

  it('are beside the folders of the atoms, named by their slaves', async () => {
    folder('artifact_0_0', text('s1.example'));
    folder('artifact_0_1', null);
    writeFileSync(join(directory, 'junit.xml'), '');
    folder('artifact_1_2', text('s2'));
    await copySetups(directory, new AbortController().signal);
    const files = readdirSync(directory).filter((name) => SETUP_NAME.test(name));
    expect(files.sort()).to.deep.equal(['setup_s1.example.txt', 'setup_s2.txt']);
    expect(readFileSync(join(directory, 'setup_s2.txt'), 'utf8')).to.equal(
      'setup_build took 12.3 s on s2, and printed:\ninstalled\n',
    );
    expect(replaceableFolder(directory, '/')).to.be.a('string');
  });

  it('are numbered for slaves of one name', async () => {
    folder('artifact_0_0', text('s'));
    folder('artifact_0_1', text('s'));
    await copySetups(directory, new AbortController().signal);
    expect(readdirSync(directory)).to.include.members(['setup_s.txt', 'setup_s-2.txt']);
  });

  it('are never read through a link', async () => {
    folder('artifact_0_0', null);
    symlinkSync('/etc/passwd', join(directory, 'artifact_0_0', SETUP_FILE));
    await copySetups(directory, new AbortController().signal);
    expect(readdirSync(directory)).to.deep.equal(['artifact_0_0']);
  });

  it('have safe names, whatever a slave is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (slave) => {
        expect(setupName(text(slave), new Set())).to.match(SETUP_NAME);
      }),
    );
  });

  it('say when a setup has printed nothing, or more than is kept', () => {
    expect(text('s', '')).to.equal('setup_build took 12.3 s on s, and printed nothing.\n');
    expect(formatSetupOutput({ slave: 's', seconds: 1, output: 'end', isCut: true })).to.equal(
      'setup_build took 1.0 s on s, and printed, at the end:\nend\n',
    );
  });
});
