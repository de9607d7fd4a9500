import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readReport } from '../../src/junit/read-report.js';
import { Cluster, repositoryRoot } from '../support/cluster.js';
import { MOCHA_PROJECT, NODE_TEST_PROJECT, OPTIONS_PROJECT } from '../support/node-worker-projects.js';
import { writeFiles } from '../support/project.js';

interface AtomResults {
  readonly exitCode: string | undefined;
  readonly console: string | null;
  /** Name and verdict of each test case of the report; null without a report. */
  readonly cases: readonly string[] | null;
  readonly artifacts: readonly string[];
}

/** A console without what differs between two runs. */
const comparable = (text: string) =>
  text
    .replaceAll(/ \(\d+(\.\d+)?ms\)/g, '')
    // The shell of the commands names a process that was killed.
    .replaceAll(/^(.*)bash: line \d+: .* Killed .*$/gm, '$1')
    .replaceAll(/\(node:\d+\)/g, '(node)')
    .replaceAll(/[ \t]+$/gm, '')
    .trimEnd();

function casesOf(report: string, cwd: string): string[] {
  const cases: { name: string; verdict: string }[] = [];
  const outcome = readReport(report, {
    open: (tag, { name = '' }) => {
      if (tag === 'testcase') {
        cases.push({ name: name.replaceAll(cwd, '/project'), verdict: 'passed' });
      } else if (['failure', 'error', 'skipped'].includes(tag)) {
        const last = cases.pop() ?? expect.fail(`${tag} outside a test case`);
        cases.push({ ...last, verdict: tag });
      }
    },
    text: () => undefined,
    close: () => undefined,
  });
  expect(outcome.kind).to.equal('report');
  return cases.map(({ name, verdict }) => `${name}: ${verdict}`);
}

describe('the worker for Node', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start();
    await cluster.startSlave(1);
  });
  after(() => cluster?.stop());

  /** The results of each file of a project, with a worker or without. */
  async function resultsOf(
    project: Readonly<Record<string, string>>,
    commands: string,
    worker: string | null,
    more: readonly string[] = [],
  ): Promise<ReadonlyMap<string, AtomResults>> {
    const cwd = mkdtempSync(join(tmpdir(), 'node-worker-'));
    const files = Object.keys(project)
      .filter((path) => path.startsWith('test/'))
      .sort();
    try {
      const lines = [
        'Tests:',
        ...(worker === null
          ? []
          : ['  worker:', `    - exec node "$CLUSTERRUNNER_WORKERS/node-worker.mjs" ${worker}`]),
        ...more,
        '  commands:',
        `    - ${commands}`,
        '  atomizers:',
        "    - TEST_FILE: find test -name 't_*' | LC_ALL=C sort",
      ];
      writeFiles(cwd, { ...project, 'clusterrunner.yaml': `${lines.join('\n')}\n` });
      symlinkSync(join(repositoryRoot, 'node_modules'), join(cwd, 'node_modules'));
      const { stdout, stderr } = await cluster.build(['directory'], { cwd });
      const results = join(cwd, 'build_results');
      expect(existsSync(results), stdout + stderr).to.equal(true);
      const folders = readdirSync(results).filter((name) => name.startsWith('artifact_'));
      const entries = files.map((file, atom): [string, AtomResults] => {
        const folder = join(results, folders.find((name) => name.endsWith(`_${atom}`)) ?? expect.fail(file));
        const names = readdirSync(folder);
        const read = (name: string) =>
          names.includes(name) ? readFileSync(join(folder, name), 'utf8') : undefined;
        const console = read('clusterrunner_console_output')?.replaceAll(cwd, '/project');
        const report = names.find((name) => name.endsWith('.xml'));
        return [
          file,
          {
            exitCode: read('clusterrunner_exit_code')?.trim(),
            console: console === undefined ? null : comparable(console),
            cases: report === undefined ? null : casesOf(join(folder, report), cwd),
            artifacts: names.filter((name) => !/^clusterrunner_|\.xml$/.test(name)),
          },
        ];
      });
      return new Map(entries);
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  }

  function expectSame(
    found: ReadonlyMap<string, AtomResults>,
    expected: ReadonlyMap<string, AtomResults>,
    parts: readonly (keyof AtomResults)[],
  ): void {
    for (const [file, results] of expected) {
      for (const part of parts) {
        expect(found.get(file)?.[part], `${part} of ${file}`).to.deep.equal(results[part]);
      }
    }
  }

  describe('with mocha', () => {
    const commands = 'node_modules/.bin/mocha "$TEST_FILE"';
    let cold: ReadonlyMap<string, AtomResults>;
    before(async () => {
      cold = await resultsOf(MOCHA_PROJECT, commands, null);
    });

    it('gives each file the verdict, console and artifacts of a process of its own', async () => {
      const codes = [...cold.values()].map(({ exitCode }) => exitCode);
      expect(codes.join(' ')).to.equal('0 0 2 1 1 1 1 0 7 3 0 137 0 1 0 0 0 0 0 1 0 0 1 0 3 0');
      const warm = await resultsOf(MOCHA_PROJECT, commands, 'mocha --junit');
      expectSame(warm, cold, ['exitCode', 'artifacts', 'console']);
      expect(warm.get('test/t_c_fails.cjs')?.cases).to.deep.equal([
        'fails <here> & "there": failure',
        'fails too: failure',
        'passes: passed',
      ]);
      expect(warm.get('test/t_d_before.cjs')?.cases).to.deep.equal([
        '"before all" hook: opens for "never runs": failure',
      ]);
      expect(warm.get('test/t_o_skips.cjs')?.cases).to.deep.equal([
        'is for later: skipped',
        'is skipped: skipped',
        'skips: skipped',
      ]);
      expect(warm.get('test/t_w_twice.cjs')?.cases).to.deep.equal([
        'is done twice: failure',
        'passes: passed',
      ]);
      expect(warm.get('test/t_y_rubbish.cjs')?.cases).to.deep.equal([
        'a ]]> \uFFFD\uFFFD\n\u{1F375}: failure',
        ': failure',
        'an object: failure',
      ]);
      expect(warm.get('test/t_p_empty.cjs')?.cases).to.deep.equal([]);
      expect(warm.get('test/t_f_syntax.cjs')?.cases).to.equal(null);
    });

    it('gives each file the same when it reuses a process', async () => {
      const reused = await resultsOf(MOCHA_PROJECT, commands, 'mocha --junit --reuse');
      expectSame(reused, cold, ['exitCode', 'artifacts', 'console']);
    });

    it('respects options of mocha, of node, and modules that are loaded in advance', async () => {
      for (const reuse of ['', '--reuse ']) {
        const found = await resultsOf(
          OPTIONS_PROJECT,
          `${commands} --timeout 12345 --require ./warm.cjs`,
          `mocha ${reuse}--preload ./warm.cjs -- --timeout 12345`,
        );
        for (const [file, { exitCode, console }] of found) {
          expect(exitCode, `${file}\n${console}`).to.equal('0');
        }
      }
    });

    it('runs a file again that a reused process has loaded before', async () => {
      const project = {
        'test/t_1.mjs': "import './t_2.mjs';\nit('passes', () => {});\n",
        'test/t_2.mjs': "it('fails', () => { throw new Error('always'); });\n",
      };
      const found = await resultsOf(project, commands, 'mocha --reuse --junit', ['  retries: 1']);
      expect([...found.values()].map(({ exitCode, cases }) => [exitCode, cases])).to.deep.equal([
        ['1', ['fails: failure', 'passes: passed']],
        ['1', ['fails: failure']],
      ]);
    });

    it('fails the atoms with a message when it cannot start', async () => {
      const project = { 'test/t_1.cjs': '' };
      const missing = await resultsOf(project, 'exit 0', 'mocha --preload no-such-module');
      expect(missing.get('test/t_1.cjs')).to.deep.include({ exitCode: '125' });
      expect(missing.get('test/t_1.cjs')?.console).to.contain("Cannot find module 'no-such-module'");
      const withFile = { ...project, '.mocharc.json': '{ "file": ["./setup.cjs"] }\n', 'setup.cjs': '' };
      const refused = await resultsOf(withFile, 'exit 0', 'mocha --reuse');
      expect(refused.get('test/t_1.cjs')).to.deep.include({ exitCode: '125' });
      expect(refused.get('test/t_1.cjs')?.console).to.contain('has the option "file"');
      const wrong = await resultsOf(project, 'exit 0', 'test --reuse');
      expect(wrong.get('test/t_1.cjs')?.console).to.contain('leave out --reuse');
    });
  });

  describe('with node:test', () => {
    it('gives each file the verdict, report and artifacts of `node --test`', async () => {
      const commands =
        'node --test --test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit' +
        ' --test-reporter-destination="$ARTIFACT_DIR/node.xml" "$TEST_FILE"';
      const cold = await resultsOf(NODE_TEST_PROJECT, commands, null);
      const warm = await resultsOf(NODE_TEST_PROJECT, commands, 'test --junit');
      const codes = [...cold.values()].map(({ exitCode }) => exitCode);
      expect(codes.join(' ')).to.equal('0 1 1 1 1 0 0 1 1 0');
      expectSame(warm, cold, ['exitCode', 'artifacts', 'cases']);
    });
  });
});
