import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { maskProjectDirectory, unmaskProjectDirectory } from '../../../src/job/atomizer-output.js';
import {
  type AtomFacts,
  atomEnvironment,
  batchEnvironment,
  buildEnvironment,
  CACHE_HIT,
  commandEnvironment,
  ownEnvironment,
  ownVariables,
  valueProblem,
  variableProblem,
} from '../../../src/job/command-environment.js';
import { commandString, isCommandString, readCommandString } from '../../../src/job/command-string.js';
import {
  projectDirectoryOf,
  type RerunFacts,
  rerunScript,
  SCRIPT_HEAD_BYTES,
  takesSetup,
} from '../../../src/job/rerun-script.js';
import { quoteForShell } from '../../../src/lib/text/shell-quote.js';
import { toId } from '../../../src/protocol/ids.js';

const nasty = fc.oneof(
  fc
    .array(
      fc.constantFrom(
        "'",
        '"',
        '$',
        '`',
        '\\',
        '*',
        '!',
        '-',
        ' ',
        '\n',
        '\r',
        '~',
        '=',
        'é',
        '😀',
        '$PROJECT_DIR',
        '/p d',
        '$(id)',
        ';',
        '&',
        'a',
      ),
      {
        maxLength: 10,
      },
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: 'grapheme' }),
);
const text = nasty.map((given) => given.replace(/\0|\p{Surrogate}/gu, ''));

/** With a socket as stdin, which a pipe of Node is, bash assumes a remote login and reads ~/.bashrc. */
const QUIET_STDIN: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];

function shell(name: string, script: string, args: string[] = [], env: Record<string, string> = {}) {
  const { stdout, status, stderr } = spawnSync(name, ['-c', script, name, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: QUIET_STDIN,
  });
  if (status !== 0) {
    throw new Error(`${name} ended with ${status}: ${stderr.toString()}`);
  }
  return stdout.toString('utf8');
}

describe('shell text of an atom', () => {
  for (const name of ['bash', 'sh']) {
    it(`has every value byte for byte when ${name} reads it as a word`, () => {
      fc.assert(
        fc.property(fc.array(text, { minLength: 1, maxLength: 10 }), (values) => {
          const script = `printf '%s\\0' ${values.map(quoteForShell).join(' ')}`;
          expect(shell(name, script)).to.equal(values.map((value) => `${value}\0`).join(''));
        }),
        { numRuns: 60 },
      );
    });

    it(`sets every value byte for byte when ${name} runs it, with the path of this machine`, () => {
      fc.assert(
        fc.property(text, (value) => {
          const kept = maskProjectDirectory(value, '/p d');
          const script = `${commandString({ variable: 'TOKEN', value: kept })} printf %s "$TOKEN"; [ -n "\${TOKEN+set}" ]`;
          expect(shell(name, script, [], { PROJECT_DIR: '/p d' })).to.equal(value);
        }),
        { numRuns: 60 },
      );
    });
  }

  it('is readable', () => {
    const string = (value: string) => commandString({ variable: 'TOKEN', value });
    expect(string('5')).to.equal('export TOKEN=5;');
    expect(string("it's")).to.equal("export TOKEN='it'\\''s';");
    expect(string('')).to.equal("export TOKEN='';");
    expect(string('$PROJECT_DIR/a b.txt')).to.equal(`export TOKEN="$PROJECT_DIR"'/a b.txt';`);
    expect(string('$$PROJECT_DIR')).to.equal("export TOKEN='$PROJECT_DIR';");
  });
});

const facts: AtomFacts = {
  projectDirectory: '/p d',
  buildId: toId.build(7),
  subjobId: toId.subjob(3),
  atomId: toId.atom(17),
  artifactDirectory: '/artifacts',
  executorIndex: 1,
  buildExecutorIndex: 5,
  variable: 'TOKEN',
  value: '$PROJECT_DIR/a',
};

describe('the environment of commands', () => {
  it('has the variables that the documentation lists', () => {
    expect(buildEnvironment(facts)).to.deep.equal({
      PROJECT_DIR: '/p d',
      CI: 'true',
      CLUSTERRUNNER: 'true',
      BUILD_ID: '7',
    });
    expect(atomEnvironment(facts)).to.deep.equal({
      ...buildEnvironment(facts),
      ARTIFACT_DIR: '/artifacts',
      SUBJOB_ID: '3',
      ATOM_ID: '17',
      EXECUTOR_INDEX: '1',
      MACHINE_EXECUTOR_INDEX: '1',
      BUILD_EXECUTOR_INDEX: '5',
      TOKEN: '/p d/a',
    });
  });

  it('sets exactly the names that atomizers may not have', () => {
    const { TOKEN: _, ...rest } = atomEnvironment(facts);
    const ofBatch = batchEnvironment({ ...facts, atomsFile: '/work/atoms' });
    // Only the setup of a job with a cache has CACHE_HIT.
    expect(new Set([...Object.keys(rest), ...Object.keys(ofBatch), CACHE_HIT])).to.deep.equal(
      new Set(ownVariables),
    );
    for (const name of [
      ...ownVariables,
      'PATH',
      'IFS',
      'BASH_ENV',
      'ENV',
      'LD_PRELOAD',
      '1A',
      'a-b',
      '',
      'é',
      'A\n',
    ]) {
      expect(variableProblem(name), name).to.be.a('string');
    }
    for (const name of ['TOKEN', '_x', 'a1', 'HOME', 'LC_ALL']) {
      expect(variableProblem(name), name).to.equal(null);
    }
  });

  it('cannot contain NUL', () => {
    expect(valueProblem('a\0b')).to.match(/NUL/);
    expect(valueProblem('a\nb')).to.equal(null);
  });

  const env = {
    PATH: '/bin',
    HOME: '/me',
    LC_ALL: 'C',
    JAVA_HOME: '/java',
    NPM_TOKEN: 't',
    'A+B': 'x',
    GONE: undefined,
    ATOM_ID: '1',
    CLUSTERRUNNER_SECRET: 's',
    CLUSTERRUNNER_LOG_LEVEL: 'info',
  };

  it('inherits basic variables, and those allowed by name or pattern', () => {
    const basic = { PATH: '/bin', HOME: '/me', LC_ALL: 'C' };
    expect(commandEnvironment(env, [])).to.deep.equal(basic);
    expect(commandEnvironment(env, ['JAVA_HOME'])).to.deep.equal({ ...basic, JAVA_HOME: '/java' });
    expect(commandEnvironment(env, ['NPM_*', 'JAVA'])).to.deep.equal({ ...basic, NPM_TOKEN: 't' });
    expect(commandEnvironment(env, ['A+B', 'AA+B', '.*'])).to.deep.equal({ ...basic, 'A+B': 'x' });
  });

  it('never inherits the secret, a setting, or a variable of another build', () => {
    const { GONE, ATOM_ID, CLUSTERRUNNER_SECRET, CLUSTERRUNNER_LOG_LEVEL, ...rest } = env;
    expect(commandEnvironment(env, ['*', 'CLUSTERRUNNER_SECRET', 'ATOM_ID'])).to.deep.equal(rest);
    expect(ownEnvironment(env)).to.deep.equal(rest);
  });

  it('refuses every name that bash does not pass on unchanged', () => {
    const names = shell('bash', 'compgen -v').trim().split('\n');
    for (const name of names.filter((candidate) => variableProblem(candidate) === null)) {
      expect(shell('bash', `printf %s "$${name}"`, [], { [name]: 'a b' }), name).to.equal('a b');
    }
  });
});

describe('the script that reruns an atom', () => {
  let folder: string;
  let script: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "rerun it's-")));
    script = join(folder, 'clusterrunner_command');
    mkdirSync(join(folder, 'project'));
    mkdirSync(join(folder, 'other'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (command: string, changes: Partial<RerunFacts> = {}) =>
    writeFileSync(
      script,
      rerunScript({
        ...facts,
        projectDirectory: join(folder, 'project'),
        jobName: 'a\nrm -rf $x',
        command,
        setup: '',
        ...changes,
      }),
    );
  const rerun = (env: Record<string, string> = {}, name = 'sh', args: string[] = []) =>
    spawnSync(name, [script, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: QUIET_STDIN,
      encoding: 'utf8',
    });

  for (const name of ['bash', 'sh']) {
    it(`gives the commands their environment, run by ${name}`, () => {
      write(
        'pwd; echo "$TOKEN|$PROJECT_DIR|$BUILD_ID $SUBJOB_ID $ATOM_ID $CI $CLUSTERRUNNER"; echo $EXECUTOR_INDEX $MACHINE_EXECUTOR_INDEX $BUILD_EXECUTOR_INDEX',
      );
      const project = join(folder, 'project');
      const { stdout, status } = rerun(
        { ARTIFACT_DIR: 'out', BUILD_EXECUTOR_INDEX: '9', ATOM_ID: '4' },
        name,
      );
      expect(stdout).to.equal(`${project}\n${project}/a|${project}|7 3 17 true true\n1 1 9\n`);
      expect(status).to.equal(0);
      expect(existsSync(join(folder, 'out'))).to.equal(true);
    });
  }

  it('runs in another checkout, also one that is named relative to here', () => {
    write('echo "$PWD $TOKEN"');
    const other = join(folder, 'other');
    for (const PROJECT_DIR of [other, 'other']) {
      expect(rerun({ PROJECT_DIR, ARTIFACT_DIR: 'out' }).stdout).to.equal(`${other} ${other}/a\n`);
    }
  });

  it('has the exit code of the commands, and pipefail where there is a bash', () => {
    write('false | true');
    expect(rerun({ ARTIFACT_DIR: 'out' }).status).to.equal(1);
    write('exit 7');
    expect(rerun({ ARTIFACT_DIR: 'out' }).status).to.equal(7);
  });

  it('says what to set when the checkout is not on this machine, and runs nothing', () => {
    write('echo ran');
    const { status, stdout, stderr } = rerun({ PROJECT_DIR: join(folder, 'nowhere'), ARTIFACT_DIR: 'out' });
    expect([status, stdout]).to.deep.equal([2, '']);
    expect(stderr).to.include('Set PROJECT_DIR to a checkout');
  });

  for (const name of ['bash', 'sh']) {
    it(`runs the setup first with --with-setup, with the environment of a build alone, run by ${name}`, () => {
      write('echo "$TOKEN"; cat made', {
        setup: 'pwd; false | cat; echo "$BUILD_ID|$ATOM_ID|$TOKEN|$ARTIFACT_DIR|$CI" | tee made',
        value: 'x',
      });
      const other = join(folder, 'other');
      const { stdout, status, stderr } = rerun({ PROJECT_DIR: 'other', ARTIFACT_DIR: 'out' }, name, [
        '--with-setup',
      ]);
      expect(stderr).to.equal('');
      expect(stdout).to.equal(`${other}\n7||||true\nx\n7||||true\n`);
      expect(status).to.equal(0);
    });
  }

  it('says that it relies on the setup of its job when it does not run that', () => {
    write('echo ran', { setup: 'echo set up' });
    const { stdout, stderr } = rerun({ ARTIFACT_DIR: 'out' });
    expect(stdout).to.equal('ran\n');
    expect(stderr).to.equal('This relies on what setup_build makes; --with-setup runs it first.\n');
    write('echo ran');
    for (const args of [[], ['--with-setup']]) {
      expect(rerun({ ARTIFACT_DIR: 'out' }, 'sh', args)).to.include({ stdout: 'ran\n', stderr: '' });
    }
  });

  it('sets CACHE_HIT=false for its setup by default', () => {
    write('true', { setup: 'set -u; echo "hit: $CACHE_HIT"' });
    const args = ['--with-setup'];
    expect(rerun({ ARTIFACT_DIR: 'out' }, 'sh', args)).to.include({ stdout: 'hit: false\n', status: 0 });
    expect(rerun({ ARTIFACT_DIR: 'out', CACHE_HIT: 'true' }, 'sh', args).stdout).to.equal('hit: true\n');
  });

  it('runs nothing of the atom when the setup fails', () => {
    write('echo ran', { setup: 'exit 7' });
    const { stdout, status, stderr } = rerun({ ARTIFACT_DIR: 'out' }, 'sh', ['--with-setup']);
    expect({ stdout, status, stderr }).to.deep.equal({
      stdout: '',
      status: 2,
      stderr: 'setup_build exited with 7.\n',
    });
  });

  it('refuses unknown arguments', () => {
    write('echo ran', { setup: 'true' });
    for (const args of [['--withsetup'], [''], ['--with-setup', 'x']]) {
      const { stdout, status, stderr } = rerun({ ARTIFACT_DIR: 'out' }, 'sh', args);
      expect({ stdout, status }).to.deep.equal({ stdout: '', status: 2 });
      expect(stderr).to.equal('The only argument that this script takes is --with-setup.\n');
    }
  });

  it('shows by its first bytes whether its job has a setup, whatever the job and its commands contain', () => {
    const remark = '# With the argument --with-setup it runs setup_build first.';
    const head = (changes: Partial<RerunFacts>) => {
      write(remark, changes);
      return readFileSync(script, 'utf8').slice(0, SCRIPT_HEAD_BYTES);
    };
    expect(takesSetup(head({ setup: 'true', jobName: 'x'.repeat(1000) }))).to.equal(true);
    expect(takesSetup(head({ jobName: remark }))).to.equal(false);
    expect(takesSetup(head({ jobName: `\n${remark}\n` }))).to.equal(false);
  });

  it('shows where the atom ran, whatever the folder and the job are called', () => {
    for (const projectDirectory of ['/a/b-1', "/it's here/é $x", '/a\\b']) {
      for (const jobName of ['x', "\n  PROJECT_DIR='/other'\n"]) {
        write('true', { projectDirectory, jobName });
        expect(projectDirectoryOf(readFileSync(script, 'utf8'))).to.equal(projectDirectory);
      }
    }
    expect(projectDirectoryOf('#!/bin/sh\n')).to.equal(null);
  });

  it('passes a variable of any name on', () => {
    write('echo "$commands $setup"', { variable: 'commands', value: 'x', setup: 'true' });
    expect(rerun({ ARTIFACT_DIR: 'out', setup: 'y' }, 'sh', ['--with-setup']).stdout).to.equal('x y\n');
  });

  it('puts artifacts into a new folder by default', () => {
    write('echo a > "$ARTIFACT_DIR/x"; cd "$ARTIFACT_DIR"; pwd');
    chmodSync(folder, 0o755);
    const { stdout } = rerun({ TMPDIR: folder });
    expect(readFileSync(join(stdout.trim(), 'x'), 'utf8')).to.equal('a\n');
  });

  it('keeps every value and command byte for byte', () => {
    fc.assert(
      fc.property(text, text, (value, word) => {
        write(`printf '%s\\0' "$TOKEN" ${quoteForShell(word)}`, {
          value: maskProjectDirectory(value, '/nowhere'),
        });
        expect(rerun({ ARTIFACT_DIR: 'out' }).stdout).to.equal(`${value}\0${word}\0`);
      }),
      { numRuns: 40 },
    );
  });
});

describe('shell text that sets the variable of an atom', () => {
  it('round-trips variable and value', () => {
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string()), fc.constantFrom('', ' ', '\n'), (value, end) => {
        const atom = { variable: 'TEST_FILE', value: maskProjectDirectory(value, '/p d') };
        expect(readCommandString(commandString(atom) + end)).to.deep.equal(atom);
      }),
    );
  });

  for (const [text, value] of [
    ['export T="2";', '2'],
    ['export T="a b"', 'a b'],
    ['  export T=plain;  ', 'plain'],
    ['export T="";', ''],
    ['export T=;', ''],
    ['export T="say \\"hi\\" \\$HOME \\\\ \\n";', 'say "hi" $HOME \\ \\n'],
    ['export T="$PROJECT_DIR/a.js";', '$PROJECT_DIR/a.js'],
    ['export T="\x24{PROJECT_DIR}/a.js";', '$PROJECT_DIR/a.js'],
    ["export T='$PROJECT_DIR';", '$$PROJECT_DIR'],
    ['export T="100$";', '100$'],
    ['export T=a\\ b;', 'a b'],
  ] as const) {
    it(`${text} sets ${JSON.stringify(value)}`, () => {
      expect(readCommandString(text)).to.deep.equal({ variable: 'T', value });
    });
  }

  for (const text of [
    'export T="$(date)";',
    'export T="`date`";',
    'export T="$HOME/a";',
    'export T=$HOME;',
    'export T="a"; rm -rf x',
    'export T="a" U="b";',
    'export T="a";export U="b";',
    'export T="open',
    'export T=a*;',
    'export T="$PROJECT_DIRS";',
    'export T="\x24{HOME}";',
    'export T="$PROJECT_DIR"abc;',
  ]) {
    it(`${text} is not read, because only a shell knows what it sets`, () => {
      expect(isCommandString(text)).to.equal(true);
      expect(readCommandString(text)).to.equal(null);
    });
  }

  it('is distinguished from a plain value', () => {
    for (const value of ['2', 'exports T=1', 'export', 'T=2', 'export T', 'tests/export T=1']) {
      expect(isCommandString(value), value).to.equal(false);
    }
  });

  it('sets in a shell the value that it is parsed as', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ -~]{0,20}$/), (inner) => {
        const text = `export T="${inner}";`;
        const read = readCommandString(text);
        if (read === null) {
          return;
        }
        const { stdout, status } = spawnSync('bash', ['-c', `${text} printf %s "$T"`], {
          env: { PROJECT_DIR: '/p' },
          encoding: 'utf8',
        });
        expect(status).to.equal(0);
        expect(stdout).to.equal(unmaskProjectDirectory(read.value, '/p'));
      }),
      { numRuns: 60 },
    );
  });
});
