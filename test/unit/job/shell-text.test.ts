import { execFileSync, spawnSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { shellText } from '../../../src/job/shell-text.js';

/** With a socket as stdin, which a pipe of Node is, bash assumes a remote login and reads ~/.bashrc. */
const SPAWNED: { encoding: 'utf8'; stdio: ['ignore', 'pipe', 'pipe'] } = {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'pipe'],
};

function run(lines: (string | null)[], shell = 'bash') {
  const options = shell === 'bash' ? ['-o', 'pipefail'] : [];
  const { status, stdout, stderr } = spawnSync(shell, [...options, '-c', shellText(lines)], {
    ...SPAWNED,
  });
  return { status, stdout, stderr };
}

describe('the lines of a section as shell text', () => {
  it('stay readable where they are simple commands', () => {
    expect(shellText(['cd $PROJECT_DIR', null, 'echo "$TOKEN" > x', 'echo $TOKEN;'])).to.equal(
      'cd $PROJECT_DIR &&\n{ echo "$TOKEN" > x\n} &&\necho $TOKEN',
    );
  });

  it('are empty when there is nothing to run', () => {
    expect(shellText([null, '', ' ; ', '# only a comment', '\n  # two\n\n'])).to.equal('');
  });

  for (const shell of ['bash', 'sh']) {
    describe(`run by ${shell}`, () => {
      for (const failing of [
        'false',
        'false; ',
        'false &&',
        'false # why',
        'true; false',
        'false && true',
        'false || false',
        'if true; then false; fi',
        'cat <<END >/dev/null; false\nend\nEND',
        '(exit 3)',
        '! true',
        'false \\',
      ]) {
        it(`stop at the first that fails: ${JSON.stringify(failing)}`, () => {
          const { status, stdout } = run(['echo before', failing, 'echo after', 'true || echo never'], shell);
          expect(stdout).to.equal('before\n');
          expect(status).to.not.equal(0);
        });
      }

      for (const [line, output] of [
        ['echo a; ', 'a\n'],
        ['echo a ;;', null],
        ['echo a &&', 'a\n'],
        ['echo a # b', 'a\n'],
        ['false || echo a', 'a\n'],
        ['true || false', ''],
        ['cat <<END\na; b &\nEND', 'a; b &\n'],
        ["cat <<'END'\n# a\nEND\n# c", '# a\n'],
        ['echo a \\', 'a\n'],
        ['echo a\\\\', 'a\\\n'],
        ['echo a \\\n  b', 'a b\n'],
        ['find /dev/null -exec echo {} \\;', '/dev/null\n'],
        ['for x in 1 2; do\n  echo $x\ndone', '1\n2\n'],
        ["echo '}'", '}\n'],
        ["echo 'a &&'", 'a &&\n'],
        ['sleep 0 & ;', ''],
        ['  echo a\r\necho b\r\n', 'a\nb\n'],
      ] as const) {
        it(`run each on its own, and then the next: ${JSON.stringify(line)}`, () => {
          const { status, stdout } = run(['true', line, 'echo next'], shell);
          if (output === null) {
            expect(stdout).to.match(/^a\nnext\n$/);
          } else {
            expect(stdout).to.equal(`${output}next\n`);
          }
          expect(status).to.equal(0);
        });
      }

      it('keep the folder, the variables and the number of a background process for the next', () => {
        const { stdout } = run(
          ['cd /', 'export A="a b"; B=c', 'sleep 60 &', 'kill $! && echo killed', 'echo "$PWD $A $B"'],
          shell,
        );
        expect(stdout).to.equal('killed\n/ a b c\n');
      });
    });
  }

  describe('with set -e', () => {
    const goesOn = 'false\necho "went on"';
    const sets: Readonly<Record<string, readonly string[]>> = {
      'in a line before': ['set -e', goesOn],
      'among other options': ['set -ux -e', goesOn],
      'by its long name': ['set -o errexit', goesOn],
      'on a line with other commands': ['cd /; set -eu; cd /', goesOn],
      'in the line itself': [`set -e\n${goesOn}`],
      'in a subshell': [`(\nset -e\n${goesOn}\n)`],
      'in text that is evaluated': ['eval "set -e"', goesOn],
      'in a file that is sourced': ['printf "set -e" > /tmp/$$.sh; . /tmp/$$.sh; rm /tmp/$$.sh', goesOn],
      'in the first line of a script': [`#!/bin/bash -e\n${goesOn}`],
      'in the first line of a script, with others': [`#!/usr/bin/env -S bash -eu\n${goesOn}`],
      'for lines behind': ['set -e', 'true', 'echo 1', `if true; then\n${goesOn}\nfi`],
    };
    for (const shell of ['bash', 'sh']) {
      for (const [where, lines] of Object.entries(sets)) {
        it(`stop where the first command fails: ${where}, run by ${shell}`, () => {
          const { status, stdout } = run([...lines, 'echo "went on"'], shell);
          expect(stdout).not.to.include('went on');
          expect(status).to.equal(1);
        });
      }
    }

    it('go on after a failure that a command expects', () => {
      const { status, stdout } = run([
        'set -e',
        'false || true',
        'if false; then :; fi\n! true\necho a',
        'echo b',
      ]);
      expect({ status, stdout }).to.deep.equal({ status: 0, stdout: 'a\nb\n' });
    });

    it('exit with the code of the line that failed', () => {
      expect(run(['set +e', '(exit 7)', 'echo after'])).to.deep.include({ status: 7, stdout: '' });
    });
  });

  it('fail when any part of a pipe fails', () => {
    expect(run(['false | cat', 'echo after']).stdout).to.equal('');
  });

  it('behave as the lines one after another, for any mix of commands', () => {
    const line = fc.constantFrom(
      'echo 1',
      'true',
      'false',
      'false || true',
      'x=$((x+1)); echo $x',
      'true # c',
      'echo 2;',
    );
    const oneByOne = (lines: string[]) => {
      const script = lines.map((text) => `eval '${text}'\n[ $? = 0 ] || exit 1`).join('\n');
      return spawnSync('bash', ['-c', script], { ...SPAWNED }).stdout;
    };
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        expect(run(lines).stdout).to.equal(oneByOne(lines));
      }),
      { numRuns: 40 },
    );
  });

  it('are syntactically complete whatever single words they contain', () => {
    const word = fc.stringMatching(/^[\w ./=:,@%+*?~$-]{1,20}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
        execFileSync('bash', ['-n', '-c', shellText(words.map((text) => `echo ${text}`))], SPAWNED);
      }),
      { numRuns: 40 },
    );
  });
});
