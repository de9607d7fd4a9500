import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { isDirectoryInUse } from '../../../src/process/containment/directory-in-use.js';
import { run } from '../../support/processes.js';
import { GitProject } from '../../support/project.js';
import { gitProject, openOn } from '../../support/workspaces.js';

const NAMES = ['a', 'dir', 'dir/b', 'lib', 'caf\xe9', 'line\nbreak'];
const name = fc.constantFrom(...NAMES);
/** A change to a path of the repository, or of a used checkout. */
const change = fc.record({
  name,
  to: fc.constantFrom('file', 'other file', 'program', 'link', 'nothing', 'submodule', 'skipped submodule'),
});
const left = fc.record({
  name,
  to: fc.constantFrom('file', 'program', 'link', 'nothing', 'repository', 'ignored'),
});
const round = fc.record({
  changes: fc.array(change, { minLength: 1, maxLength: 4 }),
  left: fc.array(left, { maxLength: 4 }),
});

describe('a checkout that is reused again and again', () => {
  let parent: string;
  let number = 0;
  before(async function () {
    if ((await isDirectoryInUse(tmpdir())) === null) {
      this.skip();
    }
    parent = realpathSync(mkdtempSync(join(tmpdir(), 'used-checkouts-')));
  });
  after(() => rmSync(parent, { recursive: true }));

  it('equals a fresh clone after any walk over commits, links, submodules and leftovers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 2, maxLength: 3 }), async (rounds) => {
        number += 1;
        const here = join(parent, String(number));
        const library = await GitProject.create(join(here, 'library'), { l: 'l\n', '.gitignore': '*.o\n' });
        const project = await GitProject.create(join(here, 'project'), { '.gitignore': 'ignored\n' });
        for (const [build, { changes, left: leftovers }] of rounds.entries()) {
          for (const one of changes) {
            await apply(project, library, one);
          }
          await project.commit({});
          const used = await openOn(join(here, 'slave'), gitProject(project.url), { build: 2 * build + 1 });
          const fresh = await openOn(join(here, `slave-${build}`), gitProject(project.url), {
            build: 2 * build + 1,
          });
          expect(await stateOf(used.projectDirectory)).to.deep.equal(await stateOf(fresh.projectDirectory));
          await fresh.release();
          for (const one of leftovers) {
            await leave(used.projectDirectory, one);
          }
          await used.release();
        }
      }),
      { numRuns: 2, endOnFailure: true },
    );
  });
});

const pathOf = (directory: string, path: string) => Buffer.from(`${directory}/${path}`, 'latin1');

/** Replaces whatever is there. */
function put(directory: string, path: string, to: string): void {
  const target = pathOf(directory, path);
  const above = join(directory, path, '..');
  if (lstatSync(above, { throwIfNoEntry: false })?.isDirectory() !== true) {
    rmSync(above, { recursive: true, force: true });
    mkdirSync(above, { recursive: true });
  }
  rmSync(target, { recursive: true, force: true });
  if (to === 'link') {
    symlinkSync('../outside', target);
  } else if (to !== 'nothing') {
    writeFileSync(target, `${to}\n`, { mode: to === 'program' ? 0o755 : 0o644 });
  }
}

async function apply(
  project: GitProject,
  library: GitProject,
  { name: path, to }: { name: string; to: string },
) {
  const { directory } = project;
  if (!to.endsWith('submodule')) {
    put(directory, path, to);
    return;
  }
  // Only a name that a submodule may have, and always the same.
  put(directory, 'lib', 'nothing');
  const { directory: from } = library;
  // `git rm` would refuse while .gitmodules is changed.
  for (const entry of (await project.git('ls-files', '-z', '--', 'lib')).split('\0').filter(Boolean)) {
    await project.git('update-index', '--force-remove', entry);
  }
  mkdirSync(join(directory, 'lib'), { recursive: true });
  writeFileSync(
    join(directory, '.gitmodules'),
    `[submodule "lib"]\n\tpath = lib\n\turl = file://${from}\n\tupdate = ${to === 'submodule' ? 'checkout' : 'none'}\n`,
  );
  await project.git(
    'update-index',
    '--add',
    '--cacheinfo',
    `160000,${await library.git('rev-parse', 'HEAD')},lib`,
  );
}

async function leave(directory: string, { name: path, to }: { name: string; to: string }): Promise<void> {
  if (to === 'repository') {
    mkdirSync(join(directory, 'nested'), { recursive: true });
    await run('git', ['init', '--quiet', 'nested'], {
      cwd: directory,
      env: { PATH: process.env.PATH ?? '' },
    });
  } else if (to === 'ignored') {
    writeFileSync(join(directory, 'ignored'), '');
  } else {
    put(directory, path, to);
  }
}

/** Files with kind, mode and content, and what git says of them. */
async function stateOf(directory: string): Promise<unknown> {
  const files: string[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(pathOf(directory, folder), { encoding: 'latin1' })) {
      const path = `${folder}/${entry}`;
      const stats = lstatSync(pathOf(directory, path));
      if (entry === '.git') {
        continue;
      }
      if (stats.isDirectory()) {
        folders.push(path);
      }
      const content = stats.isSymbolicLink()
        ? readlinkSync(pathOf(directory, path))
        : stats.isFile()
          ? readFileSync(pathOf(directory, path), 'latin1')
          : '';
      files.push(`${stats.mode.toString(8)} ${path}: ${content}`);
    }
  }
  const shell =
    'git log --format=%H; git for-each-ref; git status --porcelain --ignored; git config --list --local | sort';
  const said = await run('sh', ['-c', shell], { cwd: directory, env: { PATH: process.env.PATH ?? '' } });
  // Each slave has mirrors of its own.
  return { files: files.sort(), said: said.stdout.replaceAll(/slave(-\d+)?\//g, 'slave/') };
}
