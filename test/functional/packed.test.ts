import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { build } from 'esbuild';
import { builtin } from '../../src/master/store/engine/sqlite.js';
import { Cluster, repositoryRoot } from '../support/cluster.js';
import { npmEnvironment } from '../support/npm-environment.js';
import { writeFiles } from '../support/project.js';

const PATIENCE_MS = 10 * 60_000;

describe('the npm package', function () {
  this.timeout(PATIENCE_MS);
  let cluster: Cluster;
  let prefix: string;
  let installed: string;
  /** Files of the package before anything ran there. */
  let packedFiles: string[];
  before(async () => {
    cluster = await Cluster.create();
    prefix = join(cluster.root, 'prefix');
    installed = join(prefix, 'bin', 'clusterrunner');
    // Not compiled again: this tests the present build.
    const args = ['pack', '--ignore-scripts', '--pack-destination', cluster.root];
    await npm(args, repositoryRoot);
    const tarball =
      readdirSync(cluster.root).find((name) => name.endsWith('.tgz')) ?? expect.fail('no tarball');
    await npm(
      [
        ...['install', '--global', '--prefix', prefix, '--prefer-offline', '--no-audit', '--no-fund'],
        ...['--ignore-scripts', tarball],
      ],
      cluster.root,
    );
    packedFiles = readdirSync(home(), { recursive: true, encoding: 'utf8' }).filter(
      (file) => !file.startsWith('node_modules'),
    );
  });
  after(() => cluster.stop());

  const home = () => join(prefix, 'lib', 'node_modules', 'clusterrunner');
  const npm = async (args: string[], cwd: string) => {
    const { exitCode, stdout, stderr } = await cluster.runProgram('npm', args, { cwd, env: npmEnvironment })
      .ended;
    expect(exitCode, stdout + stderr).to.equal(0);
  };

  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
    const ended = await cluster.runProgram(installed, ['--version']).ended;
    expect(ended).to.deep.equal({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('runs a build on a machine without a master', async () => {
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'Simple: {atomizers: [{N: seq 3}], commands: [echo "n=$N"]}\n',
    });
    const ended = await cluster.runProgram(installed, ['build']).ended;
    expect(ended, ended.stderr).to.include({ exitCode: 0, stderr: '' });
    expect(ended.stdout).to.contain('SUCCESS: 3 atoms passed');
  });

  it('runs its own example', async () => {
    const example = join(home(), 'examples', 'shell');
    const ended = await cluster.runProgram(installed, ['build'], { cwd: example }).ended;
    expect(ended, ended.stdout + ended.stderr).to.include({ exitCode: 0, stderr: '' });
  });

  it('contains no tests and no build results', () => {
    const content = packedFiles.map((file) => file.split('/')[0]);
    expect(content).to.include.members(['bin', 'dist', 'docs', 'package.json', 'README.md', 'LICENSE']);
    expect(
      packedFiles.filter((file) => /^(dist\/)?(test|bench|scripts)\/|build_results/.test(file)),
    ).to.deep.equal([]);
  });

  it('depends on the packages that its files import, and on no others', async () => {
    const imported = await packagesImportedBy(
      packedFiles
        .filter((file) => /^(bin\/start|dist\/.*)\.js$/.test(file))
        .map((file) => join(home(), file)),
    );
    const { dependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(home(), 'package.json'), 'utf8'),
    );
    expect(imported).to.deep.equal(Object.keys(dependencies).sort());
    // The library is chosen at the start of a master.
    expect(optionalDependencies).to.have.all.keys('@photostructure/sqlite');
    const typed = packedFiles
      .filter((file) => file.endsWith('.d.ts'))
      .flatMap((file) => [
        ...readFileSync(join(home(), file), 'utf8').matchAll(
          /\b(?:from|import)\s*\(?\s*['"]([^.'"][^'"]*)['"]/g,
        ),
      ])
      .map(([, name = '']) => name)
      // The package names itself in its example of an import.
      .filter((name) => !isOfNode(name) && name !== 'clusterrunner');
    expect(Object.keys(dependencies)).to.include.members([...new Set(typed)]);
  });

  // Where Node has SQLite built in, a master runs without the package.
  const withoutBuiltin = builtin() === null ? it : it.skip;
  for (const [state, part] of [
    ['was left out', '@photostructure/sqlite'],
    ['has no native part for this system', '@photostructure/sqlite/prebuilds'],
  ] as const) {
    withoutBuiltin(`says in one sentence what to install where SQLite ${state}`, async () => {
      const place = join(home(), 'node_modules', part);
      renameSync(place, join(cluster.root, 'taken-away'));
      try {
        for (const args of [['master', '-p', '0'], ['build']]) {
          const ended = await cluster.runProgram(installed, args).ended;
          expect(ended, ended.stderr).to.include({ exitCode: 2, stdout: '' });
          expect(ended.stderr)
            .to.match(/^clusterrunner: [^\n]+\n$/)
            .and.contain('use Node 22.16 or later');
        }
        // Only a master needs it.
        const asked = await cluster.runProgram(installed, ['list', '-m', 'http://127.0.0.1:1']).ended;
        expect(asked.stderr).to.contain('http://127.0.0.1:1').and.not.contain('SQLite');
        const checked = await cluster.runProgram(process.execPath, [
          '--input-type=module',
          '-e',
          `await import(${JSON.stringify(pathToFileURL(join(home(), 'dist/library/client/index.js')))})`,
        ]).ended;
        expect(checked, checked.stderr).to.include({ exitCode: 0, stderr: '' });
      } finally {
        renameSync(join(cluster.root, 'taken-away'), place);
      }
    });
  }

  it('can be imported as a client of the REST API', async () => {
    writeFiles(cluster.cwd, {
      'use.mjs':
        "import { MasterClient } from 'clusterrunner';\n" +
        "console.log(typeof new MasterClient({ url: 'http://localhost:43000', secret: 'a secret' }).getBuild);\n",
      'node_modules/.keep': '',
    });
    await cluster.runProgram('ln', ['-s', home(), join(cluster.cwd, 'node_modules', 'clusterrunner')]).ended;
    const ended = await cluster.runProgram('node', ['use.mjs']).ended;
    expect(ended, ended.stderr).to.include({ exitCode: 0, stdout: 'function\n' });
  });
});

/** By a parser, since texts and comments of bundled libraries name other packages. */
async function packagesImportedBy(files: readonly string[]): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [...files],
    outdir: 'nowhere',
    write: false,
    bundle: true,
    metafile: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
  });
  // The bundle loads packages that its CommonJS libraries require in this way.
  const required = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/__require\d*\(["']([^"']+)["']\)/g)].map(
      ([, name = '']) => name,
    ),
  );
  const imported = Object.values(metafile.inputs).flatMap(({ imports }) =>
    imports.filter(({ external }) => external === true).map(({ path }) => path),
  );
  const names = [...required, ...imported]
    .filter((name) => !isOfNode(name))
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    );
  return [...new Set(names)].sort();
}

/** Newer versions of Node have modules that this one does not know. */
function isOfNode(name: string): boolean {
  return name.startsWith('node:') || isBuiltin(name);
}
