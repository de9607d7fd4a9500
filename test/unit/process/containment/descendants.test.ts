import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { descendantsOf } from '../../../../src/process/containment/descendants.js';
import { hasProcessTable } from '../../../../src/process/containment/process-table.js';
import { until } from '../../../support/until.js';

describe('descendantsOf', () => {
  it('finds children of children in any session, parents first, and no zombie', async function () {
    if (!hasProcessTable()) {
      this.skip();
    }
    const directory = mkdtempSync(join(tmpdir(), 'descendants-'));
    const file = join(directory, 'pid');
    const text = 'true & setsid bash -c \'echo $$ > "$FILE"; read; exit 0\' <&0 & sleep 1000 & wait $!';
    const shell = spawn('bash', ['-c', text], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, FILE: file },
    });
    try {
      await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
      const inSession = Number(readFileSync(file, 'utf8'));
      await until(() => descendantsOf(shell.pid ?? 0)?.some(({ name }) => name === 'sleep') === true);
      const found = descendantsOf(process.pid)?.map(({ pid }) => pid) ?? [];
      expect(found).to.include.members([shell.pid, inSession]);
      expect(found.indexOf(shell.pid ?? 0)).to.be.below(found.indexOf(inSession));
      expect(descendantsOf(shell.pid ?? 0)?.map(({ name }) => name)).not.to.include('true');
      for (const { pid } of descendantsOf(shell.pid ?? 0) ?? []) {
        process.kill(pid, 'SIGKILL');
      }
    } finally {
      shell.kill('SIGKILL');
      await once(shell, 'exit');
      rmSync(directory, { recursive: true });
    }
    expect(descendantsOf(shell.pid ?? 0)).to.deep.equal([]);
  });
});
