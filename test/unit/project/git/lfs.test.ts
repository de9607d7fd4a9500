import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { GitProject, writeFiles } from '../../../support/project.js';
import { gitProject, openOn } from '../../../support/workspaces.js';

const ATTRIBUTES = '*.bin filter=lfs diff=lfs merge=lfs -text\n';
const OID = '434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53';
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${OID}\nsize 8\n`;

/** The settings that `git lfs install` writes, and those that override them, whatever the system's settings say. */
const SET_UP = '[filter "lfs"]\nprocess = git-lfs filter-process\nrequired = true\n';
const NOT_SET_UP = '[filter "lfs"]\nprocess =\nsmudge =\nclean =\nrequired = false\n';

describe('files of Git LFS', () => {
  let parent: string;
  let project: GitProject;
  let said: string[];
  beforeEach(async () => {
    parent = realpathSync(mkdtempSync(join(tmpdir(), 'lfs-')));
    said = [];
    project = await GitProject.create(join(parent, 'origin'), { file: 'one\n' });
    // Not by way of a filter that the machine may have.
    writeFiles(project.directory, { '.git/info/attributes': '*.bin -filter\n' });
    await project.commit({ '.gitattributes': ATTRIBUTES, 'a.bin': POINTER });
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  const open = (settings: string, { path = process.env.PATH ?? '', build = 1 } = {}) => {
    writeFiles(parent, { 'home/.gitconfig': settings });
    return openOn(join(parent, 'root'), gitProject(project.url), {
      build,
      env: { PATH: path, HOME: join(parent, 'home') },
      warn: (message) => said.push(message),
    });
  };
  /** Puts the content where a remote on this machine has it. */
  const push = () => writeFiles(project.directory, { [`.git/lfs/objects/43/47/${OID}`]: 'content\n' });
  const refusal = async (opening: Promise<unknown>) => {
    const error: unknown = await opening.catch((reason: unknown) => reason);
    return error instanceof ClusterRunnerError ? error : expect.fail('It was opened.');
  };

  it('are pointers, with a warning, where git is not set up for them', async () => {
    const { projectDirectory } = await open(NOT_SET_UP);
    expect(readFileSync(join(projectDirectory, 'a.bin'), 'utf8')).to.equal(POINTER);
    expect(said).to.have.length(1);
    expect(said[0]).to.contain('git lfs install');
  });

  it('are left to another slave where git is set up for them and git-lfs is missing', async () => {
    const path = join(parent, 'bin');
    mkdirSync(path);
    for (const name of ['git', 'sh']) {
      symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(path, name));
    }
    const { code, message } = await refusal(open(SET_UP, { path }));
    expect(code).to.equal('UNAVAILABLE');
    expect(message).to.contain('git-lfs is not installed');
  });

  describe('with git-lfs', () => {
    before(function () {
      try {
        execFileSync('git', ['lfs', 'version'], { stdio: 'pipe' });
      } catch {
        console.log('      skipped: git-lfs is not installed');
        this.skip();
      }
    });

    it('are fetched from the remote, and not again for a checkout that has them', async () => {
      push();
      const first = await open(SET_UP);
      const file = (opened: typeof first) => join(opened.projectDirectory, 'a.bin');
      expect(readFileSync(file(first), 'utf8')).to.equal('content\n');
      const { ino } = statSync(file(first));
      await first.release();
      rmSync(join(project.directory, '.git', 'lfs'), { recursive: true });
      const second = await open(SET_UP, { build: 2 });
      expect([statSync(file(second)).ino, readFileSync(file(second), 'utf8')]).to.deep.equal([
        ino,
        'content\n',
      ]);
      expect(said).to.deep.equal([]);
    });

    it('that were never pushed end the build with the words of git-lfs', async () => {
      const { code, message } = await refusal(open(SET_UP));
      expect(code).to.equal('PREPARATION_FAILED');
      expect(message).to.contain('could not be fetched').and.contain('a.bin');
    });
  });
});
