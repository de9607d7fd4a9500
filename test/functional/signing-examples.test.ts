import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { findPackageJSON } from '../../src/lib/package-json.js';
import { type FakeMaster, startFakeMaster } from '../support/fake-master.js';
import { isInstalled } from '../support/is-installed.js';

const root = dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`)));
const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8');
const run = promisify(execFile);

/** The command that runs an example, and the programs that it needs. */
const languages: Readonly<
  Record<string, { command: (code: string) => [string, string[]]; needs: string[] }>
> = {
  sh: { command: (code) => ['sh', ['-euc', code]], needs: ['openssl', 'curl'] },
  python: { command: (code) => ['python3', ['-c', code]], needs: ['python3'] },
  // In the repository's folder, so that the package can import itself by its name.
  js: { command: (code) => [process.execPath, ['--input-type=module', '--eval', code]], needs: [] },
};

const examples = [...page.matchAll(/^```(\w+) example\n([\s\S]*?)^```$/gm)].map(
  ([, language, code], index) => ({
    title: `number ${index + 1}, in ${language}`,
    language: languages[language ?? ''],
    code: code ?? '',
  }),
);

describe('the signing examples of docs/api.md', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster({ secrets: ['an example secret'] });
    await master.client.createBuild({ type: 'directory', project_directory: '/p', job_name: 'Simple' });
    master.service.changes.length = 0;
  });
  afterEach(() => master.close());

  it('are in shell, Python and JavaScript', () => {
    expect(new Set(examples.map(({ language }) => language))).to.deep.equal(
      new Set(Object.values(languages)),
    );
  });

  for (const { title, language, code } of examples) {
    it(`cancel a build: ${title}`, async function () {
      const missing: string[] = [];
      for (const program of language?.needs ?? []) {
        if (!isInstalled(program)) {
          missing.push(program);
        }
      }
      if (missing.length > 0) {
        process.stderr.write(`      skipped: ${missing.join(' and ')} not installed\n`);
        this.skip();
      }
      const here = code.replaceAll('http://localhost:43000', master.url);
      expect(here).not.to.equal(code);
      const [program, args] = language?.command(here) ?? ['false', []];
      const { stdout } = await run(program, args, {
        cwd: root,
        env: { ...process.env, no_proxy: '127.0.0.1' },
      });
      expect(stdout).to.contain('CANCELED');
      expect(master.service.changes).to.deep.equal([{ what: 'cancelBuild', build: 1 }]);
    });
  }
});
