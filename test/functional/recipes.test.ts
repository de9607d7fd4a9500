import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { Cluster, repositoryRoot } from '../support/cluster.js';

const examples = join(repositoryRoot, 'examples');
const page = readFileSync(join(repositoryRoot, 'docs', 'recipes.md'), 'utf8');

const runs = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
const resolves = (name: string) => {
  try {
    createRequire(join(repositoryRoot, 'package.json')).resolve(`${name}/package.json`);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') {
      return false;
    }
    throw error;
  }
};

/** Required tools and expected counts for each; `tests` is null for one without reports. */
const recipes: readonly {
  name: string;
  needs: string;
  isThere: () => boolean;
  atoms: number;
  tests: number | null;
}[] = [
  { name: 'mocha', needs: 'mocha', isThere: () => true, atoms: 2, tests: 3 },
  { name: 'worker-mocha', needs: 'mocha', isThere: () => true, atoms: 2, tests: 3 },
  { name: 'node-test', needs: 'node', isThere: () => true, atoms: 2, tests: 3 },
  {
    name: 'pytest',
    needs: 'pytest',
    isThere: () => runs('python3', '-m', 'pytest', '--version'),
    atoms: 3,
    tests: 3,
  },
  {
    name: 'jest',
    needs: 'jest and jest-junit',
    isThere: () => resolves('jest') && resolves('jest-junit'),
    atoms: 2,
    tests: 3,
  },
  { name: 'vitest', needs: 'vitest', isThere: () => resolves('vitest'), atoms: 2, tests: 3 },
  {
    name: 'ctest',
    needs: 'cmake 3.21 and a C compiler',
    isThere: () => runs('cmake', '--version') && runs('cc', '--version'),
    atoms: 2,
    tests: 2,
  },
  { name: 'bats', needs: 'bats', isThere: () => resolves('bats'), atoms: 2, tests: 2 },
  { name: 'go', needs: 'go', isThere: () => runs('go', 'version'), atoms: 2, tests: null },
];

describe('docs/recipes.md', () => {
  const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text);

  it('shows the file of each example, and no others', () => {
    const files = [
      ...recipes.map(({ name }) => join(examples, name, 'clusterrunner.yaml')),
      ...readdirSync(join(examples, 'ci')).map((name) => join(examples, 'ci', name)),
    ];
    expect(blocks.toSorted()).to.deep.equal(files.map((file) => readFileSync(file, 'utf8')).sort());
  });

  it('has valid YAML for CI systems, with the secret only in the environment', () => {
    for (const name of readdirSync(join(examples, 'ci'))) {
      const text = readFileSync(join(examples, 'ci', name), 'utf8');
      expect(parse(text)).to.be.an('object');
      expect(text).not.to.match(/--secret|secret=/i);
    }
  });
});

describe('a recipe', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    await cluster.startMaster(['-p', '0']);
    // The other tools are linked into the package; this one is not.
    const bats = join(repositoryRoot, 'node_modules', 'bats', 'bin');
    await cluster.startSlave(2, { env: { PATH: `${bats}:${process.env.PATH ?? ''}` } });
  });
  after(() => cluster.stop());

  for (const { name, needs, isThere, atoms, tests } of recipes) {
    it(`runs the tests of the example of ${name}`, async function () {
      if (!isThere()) {
        process.stderr.write(`      install ${needs} to run the example of ${name}\n`);
        this.skip();
      }
      const cwd = join(cluster.cwd, name);
      cpSync(join(examples, name), cwd, { recursive: true });
      if (existsSync(join(cwd, 'package.json'))) {
        // As after `npm ci`, which would need the registry.
        symlinkSync(join(repositoryRoot, 'node_modules'), join(cwd, 'node_modules'));
      }
      const env = { HOME: cluster.root };
      const { exitCode, stdout, stderr } = await cluster.build(['directory'], { cwd, env });
      expect(exitCode, stdout + stderr).to.equal(0);
      expect(stdout).to.contain(`SUCCESS: ${atoms} atoms passed`);
      if (tests !== null) {
        expect(stdout).to.contain(
          `${tests} tests in the reports of the atoms: 0 failures, 0 errors, 0 skipped.`,
        );
      }
    });
  }
});
