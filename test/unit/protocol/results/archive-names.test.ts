import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { isCommandFile, staysInFolder } from '../../../../src/protocol/results/archive-names.js';

describe('a link in the folder of an atom', () => {
  it('may lead to a path in the folder', () => {
    for (const target of ['x', './x', '../x', '../../x', 'x/y', '..', '../..', 'a/b/']) {
      expect(staysInFolder('artifact_0_1/a/b/link', target), target).to.equal(true);
    }
  });

  it('may not lead out of the folder, nor up after down', () => {
    for (const target of ['/etc', '../../..', '../../../artifact_0_2/x', 'x/../y', '../x/..', '', 'a\0b']) {
      expect(staysInFolder('artifact_0_1/a/b/link', target), target).to.equal(false);
    }
  });

  it('never leads out of the folder, whatever other links are on its way', () => {
    const step = fc.constantFrom('..', '.', 'a', 'b', 'l0', 'l1', 'l2');
    const target = fc.array(step, { minLength: 1, maxLength: 5 }).map((steps) => steps.join('/'));
    const place = fc.constantFrom('', 'a/', 'a/b/', 'b/');
    const links = fc.tuple(fc.tuple(place, target), fc.tuple(place, target), fc.tuple(place, target));
    fc.assert(
      fc.property(links, (made) => {
        const root = realpathSync(mkdtempSync(join(tmpdir(), 'links-')));
        try {
          const folder = join(root, 'deep', 'artifact_0_1');
          mkdirSync(join(folder, 'a', 'b'), { recursive: true });
          mkdirSync(join(folder, 'b'));
          for (const [index, [where, leads]] of made.entries()) {
            const path = `artifact_0_1/${where}l${index}`;
            if (staysInFolder(path, leads)) {
              symlinkSync(leads, join(dirname(folder), path));
            }
          }
          for (const [index, [where]] of made.entries()) {
            const real = realOf(join(folder, where, `l${index}`));
            expect(real === null || real === folder || real.startsWith(`${folder}/`), String(real)).to.equal(
              true,
            );
          }
        } finally {
          rmSync(root, { recursive: true });
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** null for one that leads nowhere, or round in a circle. */
function realOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

describe('the name of the script that reruns an atom', () => {
  it('is recognized in every form that some system takes for the same name', () => {
    for (const name of [
      'clusterrunner_command',
      'ClusterRunner_Command',
      'clu\u017fterrunner_command',
      'cluster\u200drunner_command',
      '\uff43lusterrunner_command',
      'clusterrunner\\command',
      'clusterrunner_command. .',
    ]) {
      expect(isCommandFile(name), name).to.equal(true);
    }
  });

  it('is not recognized in other names', () => {
    for (const name of [
      '',
      'command',
      'clusterrunner_commands',
      'clusterrunner_command.txt',
      'my_clusterrunner_command',
    ]) {
      expect(isCommandFile(name), name).to.equal(false);
    }
  });
});
