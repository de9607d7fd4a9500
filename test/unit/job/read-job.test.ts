import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { parseJobs, selectJob } from '../../../src/job/parse-jobs.js';
import { readJob } from '../../../src/job/read-job.js';
import { assertRunnable } from '../../../src/job/yaml/definition-problem.js';
import { findPackageJSON } from '../../../src/lib/package-json.js';
import { notCached } from '../../../src/protocol/build/cached-atom.js';
import { JobDefinitionSchema } from '../../../src/protocol/build/job.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';

async function refusal(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof ClusterRunnerError && error.code === 'JOB_INVALID') {
      return error.message;
    }
    throw error;
  }
  throw new Error('it was accepted');
}

const GOOD = 'A:\n  commands: [make]\n  atomizers:\n    - X: seq 3\n';

describe('clusterrunner.yaml', () => {
  it('is read with all sections, jobs in their order, and empty lines', () => {
    const text = `2:
    commands:
        - cd $PROJECT_DIR
        -
        - |
          a
          b
    atomizers:
        - TOKEN: seq 1 10
        - OTHER: ls
    setup_build: [make]
    teardown_build: []
    worker: [exec ./worker]
    recycle_after: 100
    max_executors: 10
    max_executors_per_slave: 2
    atom_timeout: 10m
    build_timeout: 1.5
1: {commands: [a], atomizers: [{X: b}], batch: {size: 20, match: classname}}
`;
    expect(parseJobs(text, 'f')).to.deep.equal([
      {
        name: '2',
        definition: {
          commands: ['cd $PROJECT_DIR', null, 'a\nb\n'],
          atomizers: [{ TOKEN: 'seq 1 10' }, { OTHER: 'ls' }],
          setup_build: ['make'],
          teardown_build: [],
          worker: ['exec ./worker'],
          recycle_after: 100,
          max_executors: 10,
          max_executors_per_slave: 2,
          atom_timeout: '10m',
          build_timeout: 1.5,
        },
      },
      {
        name: '1',
        definition: {
          commands: ['a'],
          atomizers: [{ X: 'b' }],
          batch: { size: 20, match: 'classname' },
        },
      },
    ]);
  });

  it('may share sections by anchors and merges', () => {
    const text = `A: &a\n  commands: [a]\n  atomizers: &x\n    - X: b\nB:\n  <<: *a\n  commands: [c]\n`;
    expect(parseJobs(text, 'f')[1]?.definition).to.deep.equal({ commands: ['c'], atomizers: [{ X: 'b' }] });
  });

  for (const [text, problem] of [
    [
      'A:\n  comands: [a]\n',
      /^f\.yaml, line 2: job "A": there is no section "comands"; the sections are commands, atomizers, setup_build, teardown_build, inputs, cache, worker, recycle_after, batch, max_executors, max_executors_per_slave, retries, max_retries, order, affects, speculative, atom_timeout, build_timeout\.$/,
    ],
    [`${GOOD}  worker: ./worker\n`, /line 5: .*"worker" must be a list of shell lines, each after a "- "\.$/],
    [`${GOOD}  worker: []\n`, /line 5: .*"worker" is empty; it must be a list of shell lines/],
    [`${GOOD}  worker: ["# later"]\n`, /line 5: .*"worker" has no line that runs something\.$/],
    [
      `${GOOD}  worker: [a]\n  recycle_after: 0\n`,
      /line 6: .*"recycle_after" must be a whole number from 1\.$/,
    ],
    [
      `${GOOD}  recycle_after: 5\n`,
      /line 5: .*"recycle_after" is of no use without "worker"; name the worker, or leave it out\.$/,
    ],
    [
      `${GOOD}  affects: [{paths: src}]\n`,
      /line 5: .*"affects" must be a list of "paths" and "atoms", each a list of patterns/,
    ],
    [`${GOOD}  order: shortest\n`, /line 5: .*"order" must be longest or likely_failures\.$/],
    ...[
      '20',
      '{size: 20}',
      '{size: 1, match: file}',
      '{size: 20, match: name}',
      '{size: 20, match: file, by: x}',
    ].map((text): [string, RegExp] => [
      `${GOOD}  batch: ${text}\n`,
      /line 5: .*"batch" must be "size", a whole number from 2 to 1000, and "match", one of file, classname, suite\.$/,
    ]),
    [
      `${GOOD}  batch: {size: 20, match: file}\n  worker: [a]\n`,
      /line 5: .*"batch" and "worker" exclude each other, since a worker is handed one atom at a time; leave one of them out\.$/,
    ],
    [
      'A:\n  commands: [a]\n  atomizers:\n    - ATOMS_FILE: a\n',
      /line 4: .*"ATOMS_FILE" is set by ClusterRunner itself/,
    ],
    [`${GOOD}  cache: true\n`, /line 5: .*"cache" needs "inputs", the files that the verdicts/],
    [`${GOOD}  inputs: [src]\n`, /line 5: .*"inputs" is of no use without "cache"; write "cache: true"/],
    [`${GOOD}  cache: yes please\n`, /line 5: .*"cache" must be true, false, or "key", a list of files/],
    [`${GOOD}  cache: {}\n`, /line 5: .*"cache" is empty/],
    [`${GOOD}  cache: {key: [a]}\n`, /line 5: .*"cache" must have both of "key" and "paths"/],
    [`${GOOD}  cache: {atoms: true}\n`, /line 5: .*"cache" needs "inputs"/],
    [`${GOOD}  cache: true\n  inputs: src\n`, /line 6: .*"inputs" must be a list of files, or "files"/],
    [`${GOOD}  cache: true\n  inputs: []\n`, /line 6: .*"inputs" must be a list of files/],
    [`${GOOD}  cache: true\n  inputs: {versions: [a]}\n`, /line 6: .*"inputs" must be a list of files/],
    [
      `${GOOD}  cache: true\n  inputs:\n  - a\n  - /b\n`,
      /line 8: .*"inputs": the entry "\/b" must be relative/,
    ],
    [`${GOOD}  cache: true\n  inputs: [$Y]\n`, /line 6: .*the entry "\$Y" names \$Y, which no atomizer sets/],
    [
      `${GOOD}  cache: true\n  inputs:\n    files: [a]\n    versions:\n    - ' '\n`,
      /line 9: .*entry 1 of "versions" must be a command/,
    ],
    ['A:\n  commands: [a]\n', /^f\.yaml, line [12]: job "A": the section "atomizers" is missing/],
    [
      'A:\n  atomizers:\n    - X: a\n  commands: make\n',
      /line 4: .*"commands" must be a list of shell lines/,
    ],
    [
      'A:\n  atomizers:\n    - X: a\n  commands:\n',
      /line 4: .*"commands" must be a list.*leave the section out/,
    ],
    [
      'A:\n  atomizers:\n    - X: a\n  commands:\n  - a\n  - 1\n',
      /line 6: .*entry 2 of "commands" must be text, but 1 reads as a number; put the line in quotes: - '1'\.$/,
    ],
    [
      'A:\n  atomizers:\n    - X: a\n  commands:\n  - true\n',
      /line 5: .*true reads as a boolean; put the line in quotes: - 'true'\.$/,
    ],
    [
      'A:\n  atomizers:\n    - X: a\n  commands:\n  - a\n  - echo a: b\n',
      /line 6: .*reads as a mapping because of a ": "/,
    ],
    [
      'A:\n  atomizers:\n    - X: a\n  commands:\n  - [a]\n',
      /line 5: .*must be text, but reads as a list.*: - '\[a\]'/,
    ],
    [
      'A:\n  commands: [a]\n  atomizers:\n    X: a\n',
      /line 3: .*"atomizers" must be a list of VARIABLE: shell command/,
    ],
    ['A:\n  commands: [a]\n  atomizers:\n    - seq 3\n', /line 4: .*entry 1 of "atomizers" must be VARIABLE/],
    [
      'A:\n  commands: [a]\n  atomizers:\n    - X: 3\n',
      /line 4: .*entry 1 of "atomizers" must be text, but 3/,
    ],
    [
      'A:\n  commands: [a]\n  atomizers:\n    - X-Y: a\n',
      /line 4: .*"X-Y" is not a name that a variable can have/,
    ],
    [
      'A:\n  commands: [a]\n  atomizers:\n    - Z: b\n      PATH: a\n',
      /line 5: .*"PATH" has a meaning of its own/,
    ],
    ['A:\n  commands: [a]\n  atomizers:\n    - ATOM_ID: a\n', /line 4: .*"ATOM_ID" is set by ClusterRunner/],
    ['A:\n  commands: [a]\n  atomizers: []\n', /line 3: .*"atomizers" is empty; it must be a list/],
    [
      'A:\n  commands:\n    -\n    - "# no"\n  atomizers: [{X: a}]\n',
      /line 2: .*no line that runs something/,
    ],
    ['A:\n  commands: ["a\\0b"]\n  atomizers: [{X: a}]\n', /line 2: .*NUL/],
    [`${GOOD}  max_executors: 0\n`, /line 5: .*"max_executors" must be a whole number from 1/],
    [
      `${GOOD}  atom_timeout: 0\n`,
      /line 5: .*"atom_timeout" must be a number of seconds above 0, or text like 90s/,
    ],
    [`${GOOD}  build_timeout: 2 hours\n`, /line 5: .*"build_timeout" must be a number of seconds above 0/],
    [`${GOOD}  build_timeout:\n`, /line 5: .*leave the section out when there is nothing in it/],
    [
      `${GOOD}  build_timeout: 0s\n`,
      /line 5: .*"build_timeout" must be more than nothing and at most a week/,
    ],
    [
      `${GOOD}  atom_timeout: 169h\n`,
      /line 5: .*"atom_timeout" must be more than nothing and at most a week/,
    ],
    [`${GOOD}  max_executors: many\n`, /line 5: .*"max_executors" must be a whole number from 1/],
    [`${GOOD}${GOOD}`, /line 5: this is not valid YAML: Map keys must be unique/],
    [`${GOOD}  commands: [b]\n`, /line 5: .*Map keys must be unique/],
    ['A:\n  commands: [a\n', /line \d: this is not valid YAML/],
    ['A:\n\tcommands: [a]\n', /line 2: this is not valid YAML/],
    [`${GOOD}---\n${GOOD}`, /line 5: a second YAML document begins here; write all jobs in one/],
    ['A: !job\n  commands: [a]\n', /line \d: this is not valid YAML: Unresolved tag/],
    ['- A\n', /line 1: the file must be names of jobs/],
    ['just text\n', /line 1: the file must be names of jobs/],
    ['A: make\n', /line 1: job "A": a job must be sections/],
    [`${GOOD}B:\n`, /line 5: job "B": a job must be sections/],
    ['? [a]\n: b\n', /line 1: the name of a job must be a word/],
    ['A: *nothing\n', /line 1: /],
    ['A: &a\n  commands: *a\n', /line /],
    ['__proto__:\n  commands: [a]\n', /job "__proto__": the section "atomizers" is missing/],
    ['A:\n  __proto__: {commands: [a]}\n  atomizers: [{X: a}]\n', /line \d: job "A": /],
  ] as const) {
    it(`refuses ${JSON.stringify(text)}`, async () => {
      const message = await refusal(() => parseJobs(text, 'f.yaml'));
      expect(message).to.match(problem);
      expect(message).to.match(/^f\.yaml, line \d+: /);
    });
  }

  it('does not expand an alias bomb', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `  s${i + 1}: &s${i + 1} [${Array(10).fill(`*s${i}`).join(', ')}]`,
    );
    const text = `A:\n  s0: &s0 [x]\n${levels.join('\n')}\n`;
    expect(await refusal(() => parseJobs(text, 'f'))).to.match(/line 2: .*no section "s0"/);
    const lines = Array.from({ length: 1000 }, () => '  - a').join('\n');
    const jobs = Array.from({ length: 101 }, (_, n) => `J${n}: {commands: *many, atomizers: [{X: a}]}\n`);
    expect(await refusal(() => parseJobs(`x-many: &many\n${lines}\n${jobs.join('')}`, 'f'))).to.match(
      /^f: its jobs have more than 100000 lines/,
    );
    const aliases = Array.from({ length: 2001 }, (_, n) => `J${n}: *a\n`);
    expect(await refusal(() => parseJobs(GOOD.replace('A:', 'A: &a') + aliases.join(''), 'f'))).to.match(
      /^f, line 2005: the file has more than 2000 aliases/,
    );
    expect(await refusal(() => parseJobs(`A: ${'['.repeat(100_000)}`, 'f'))).to.match(/too deep/);
  });

  it('allows entries whose names begin with x- for anchors', () => {
    const text = `x-setup: &setup\n  - make\nx-any: {a: 1}\n${GOOD}  setup_build: *setup\n`;
    expect(parseJobs(text, 'f').map(({ name, definition }) => [name, definition.setup_build])).to.deep.equal([
      ['A', ['make']],
    ]);
  });

  describe('asks for quotes, with the line as it must be,', () => {
    for (const command of [
      '! grep -q FAILED log',
      '!run-tests',
      '*.sh',
      '&build',
      '&build all',
      '%run',
      '@run',
      '`cat command`',
      '{ make; }',
      '{a,b}.sh',
      '[ -f x ]',
      '[ -f x ] && make',
      '[[ -f x ]]',
      '- x',
      '? x',
      '| tee log',
      '> log',
      '"$PROJECT_DIR"/run all',
      "'a' b",
      'echo "a #1"',
      "grep 'x #' f",
      'echo \\ #x',
      'echo a: b',
      "grep 'a: b' it's",
      'echo a:',
      '1e3',
      'true',
      '0x10',
    ]) {
      for (const [front, text] of [
        ['', `A:\n  atomizers: [{X: a}]\n  commands:\n    - first\n    - ${command}\n    - last\n`],
        ['X: ', `A:\n  commands: [a]\n  atomizers:\n    - W: first\n    - X: ${command}\n    - Y: last\n`],
      ] as const) {
        it(`for - ${front}${command}`, async () => {
          const message = await refusal(() => parseJobs(text, 'f'));
          expect(message).to.match(/^f, line 5: /);
          const quoted = `- ${front}'${command.replaceAll("'", "''")}'`;
          expect(message).to.contain(`put the line in quotes: ${quoted}.`);
          const [job] = parseJobs(text.replace(`- ${front}${command}`, quoted), 'f');
          const { commands = [], atomizers = [] } = job?.definition ?? {};
          expect(front === '' ? commands[1] : atomizers[1]?.X).to.equal(command);
        });
      }
    }
  });

  it('accepts a comment after a command that the shell would treat as one too', () => {
    for (const [line, command] of [
      ['make # all', 'make'],
      ['echo "a" # "b', 'echo "a"'],
      ["echo it\\'s # x", "echo it\\'s"],
      ['echo a#b', 'echo a#b'],
      ['\'echo "a #1"\' # quoted', 'echo "a #1"'],
    ]) {
      const text = `A:\n  atomizers: [{X: a}]\n  commands:\n    - ${line}\n`;
      expect(parseJobs(text, 'f')[0]?.definition.commands, line).to.deep.equal([command]);
    }
  });

  it('refuses a backslash that does not join lines', async () => {
    const text = (line: string) => `A:\n  atomizers: [{X: a}]\n  commands:\n    - ${line}\n`;
    expect(await refusal(() => parseJobs(text('run \\\n        --all'), 'f'))).to.match(
      /line 4: .*write "- \|"/,
    );
    expect(parseJobs(text('|\n      run \\\n        --all'), 'f')[0]?.definition.commands).to.deep.equal([
      'run \\\n  --all\n',
    ]);
    expect(parseJobs(text('run\n        --all'), 'f')[0]?.definition.commands).to.deep.equal(['run --all']);
  });

  it('is parsed in linear time', async () => {
    const seconds = async (bytes: number) => {
      let text = '';
      for (let n = 0; text.length < bytes; n += 1) {
        text += `k${n}: x\n`;
      }
      const start = process.cpuUsage();
      await refusal(() => parseJobs(text, 'f'));
      return process.cpuUsage(start).user;
    };
    await seconds(16 * 1024);
    const [short, long] = [await seconds(16 * 1024), await seconds(128 * 1024)];
    // With quadratic time it would be more than 50 times as much.
    expect(long / short).to.be.lessThan(30);
  });

  it('is refused with its jobs when the requested one is missing, or none of several is named', async () => {
    const jobs = parseJobs(`${GOOD}${GOOD.replace('A:', 'B:')}`, 'f');
    expect(selectJob(jobs, 'B', 'f').name).to.equal('B');
    expect(await refusal(() => selectJob(jobs, 'C', 'f'))).to.equal(
      'f: the file has no job "C"; its jobs are A, B.',
    );
    expect(await refusal(() => selectJob(jobs, null, 'f'))).to.match(/several jobs; name one of A, B/);
    expect(selectJob(parseJobs(GOOD, 'f'), null, 'f').name).to.equal('A');
    for (const empty of ['', '# nothing\n', '{}', '---\n', '~']) {
      expect(await refusal(() => selectJob(parseJobs(empty, 'f'), null, 'f'))).to.match(/has no jobs/);
    }
  });

  it('round-trips any definition that fits the schema', () => {
    const line = fc.oneof(fc.string(), fc.constantFrom('make', 'a: b', '1', 'true', '- x', '# c'));
    // Entries with such names only hold anchors.
    const named = fc.stringMatching(/^[\w -]{1,10}$/).filter((name) => !name.startsWith('x-'));
    const definition = fc.record(
      {
        commands: fc.array(fc.option(line), { maxLength: 4 }).map((lines) => ['make', ...lines]),
        atomizers: fc.array(
          fc.dictionary(fc.stringMatching(/^X[A-Z_0-9]{0,5}$/), line, { minKeys: 1, maxKeys: 3 }),
          {
            minLength: 1,
            maxLength: 3,
          },
        ),
        setup_build: fc.array(fc.option(line), { maxLength: 3 }),
        max_executors: fc.integer({ min: 1 }),
      },
      { requiredKeys: ['commands', 'atomizers'], noNullPrototype: true },
    );
    fc.assert(
      fc.property(named, definition, (name, job) => {
        const noNul = JSON.parse(JSON.stringify(job).replaceAll('\\u0000', ''));
        expect(parseJobs(stringify({ [name]: noNul }), 'f')).to.deep.equal([{ name, definition: noNul }]);
      }),
    );
  });

  it('is checked as JSON too for what its schema cannot express', async () => {
    const definition = { commands: ['a'], atomizers: [{ IFS: 'b' }] };
    expect(await refusal(() => assertRunnable({ name: 'J', definition }))).to.match(
      /^Job "J": the variable "IFS"/,
    );
    assertRunnable({ name: 'J', definition: { commands: ['a'], atomizers: [{ OK: 'b' }] } });
  });
});

describe('the file of a project', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'job-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is clusterrunner.yaml, or clusterrunner.yml', async () => {
    writeFileSync(join(folder, 'clusterrunner.yml'), GOOD.replace('A:', 'B:'));
    expect((await readJob(folder, null)).name).to.equal('B');
    writeFileSync(join(folder, 'clusterrunner.yaml'), `\uFEFF${GOOD}`);
    expect((await readJob(folder, null)).name).to.equal('A');
  });

  it('is named with its path in errors', async () => {
    expect(await refusal(() => readJob(folder, null))).to.include(`clusterrunner.yml in ${folder};`);
    expect(await refusal(() => readJob(join(folder, 'none'), null))).to.include(
      'There is no clusterrunner.yaml',
    );
    const file = join(folder, 'clusterrunner.yaml');
    writeFileSync(file, Buffer.from([0x41, 0xff]));
    expect(await refusal(() => readJob(folder, null))).to.equal(`${file} cannot be read: it is not UTF-8.`);
    writeFileSync(file, `#${'x'.repeat(300_000)}`);
    expect(await refusal(() => readJob(folder, null))).to.match(/larger than 256 KiB/);
    rmSync(file);
    mkdirSync(file);
    expect(await refusal(() => readJob(folder, null))).to.equal(`${file} is not a file.`);
    // Users do not know the folder of a checkout.
    expect(await refusal(() => readJob(folder, null, true))).to.equal('clusterrunner.yaml is not a file.');
  });
});

describe('docs/cached-atoms.md', () => {
  const page = readFileSync(join(findPackageJSON(import.meta.url), '..', 'docs', 'cached-atoms.md'), 'utf8');

  it('has examples that are valid', () => {
    const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
    expect(examples).to.have.length(2);
    for (const example of examples) {
      expect(parseJobs(example, 'docs/cached-atoms.md')).to.have.length(1);
    }
  });

  it('lists every reason for a run', () => {
    for (const reason of notCached) {
      expect(page).to.match(new RegExp(`^\\|.*\`${reason}\`.*\\|`, 'm'));
    }
  });
});

describe('docs/clusterrunner-yaml.md', () => {
  const page = readFileSync(
    join(findPackageJSON(import.meta.url), '..', 'docs', 'clusterrunner-yaml.md'),
    'utf8',
  );

  it('has examples that are valid', () => {
    const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
    expect(examples.length).to.be.greaterThan(4);
    for (const example of examples) {
      expect(parseJobs(example, 'docs/clusterrunner-yaml.md')).to.not.deep.equal([]);
    }
  });

  it('lists every section', () => {
    for (const name of Object.keys(JobDefinitionSchema.properties)) {
      expect(page).to.include(`| \`${name}\` | `);
    }
  });
});
