import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { loadConfig } from '../../../src/config/load.js';
import { ReloadingSecrets } from '../../../src/config/reloading-secrets.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('the secrets of a running process', () => {
  let directory: string;
  let file: string;
  let clock: ManualClock;
  let logged: string[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'live-secrets-'));
    file = join(directory, 'clusterrunner.conf');
    clock = new ManualClock();
    logged = [];
    write('first secret');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** As an editor does it: another file under the same name. */
  function write(secret: string, previous?: string): void {
    const lines = [
      `secret = ${secret}`,
      ...(previous === undefined ? [] : [`previous_secret = ${previous}`]),
    ];
    writeFileSync(`${file}.new`, `[general]\n${lines.join('\n')}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  function open(env: Record<string, string> = {}): ReloadingSecrets {
    const log = pino({}, { write: (line: string) => logged.push(line) });
    return new ReloadingSecrets(
      loadConfig({ configFile: file, env: { HOME: directory, ...env } }),
      env,
      clock,
      log,
    );
  }

  it('follow the file within a second', () => {
    const secrets = open();
    expect(secrets.current()).to.deep.equal(['first secret']);
    write('second secret', 'first secret');
    clock.advance(1000);
    expect(secrets.current()).to.deep.equal(['second secret', 'first secret']);
    write('second secret');
    clock.advance(1000);
    expect(secrets.current()).to.deep.equal(['second secret']);
  });

  it('are read at once by refresh(), which returns whether they have changed', () => {
    const secrets = open();
    expect(secrets.refresh()).to.equal(false);
    write('second secret');
    expect(secrets.refresh()).to.equal(true);
    expect(secrets.refresh()).to.equal(false);
    expect(secrets.current()).to.deep.equal(['second secret']);
  });

  it('stay when the environment sets them', () => {
    const secrets = open({ CLUSTERRUNNER_SECRET: 'of the environment' });
    write('second secret', 'first secret');
    expect(secrets.refresh()).to.equal(true);
    expect(secrets.current()).to.deep.equal(['of the environment', 'first secret']);
  });

  it('stay, with a warning that does not show them, while the file is missing, broken, without a secret or readable by others', () => {
    const secrets = open();
    rmSync(file);
    expect(secrets.refresh()).to.equal(false);
    for (const text of ['[general', '[general]\nsecret = short\n', '[general]\n', '[general]\nport = 1\n']) {
      writeFileSync(file, text, { mode: 0o600 });
      clock.advance(1000);
      expect(secrets.current(), text).to.deep.equal(['first secret']);
    }
    write('second secret');
    chmodSync(file, 0o644);
    expect(secrets.refresh()).to.equal(false);
    expect(secrets.current()).to.deep.equal(['first secret']);
    expect(logged.join(''))
      .to.contain('chmod 600')
      .and.not.to.match(/second secret|short"/);
    chmodSync(file, 0o600);
    expect(secrets.refresh()).to.equal(true);
    expect(secrets.current()).to.deep.equal(['second secret']);
  });
});
