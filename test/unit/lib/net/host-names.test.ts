import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { HostNames } from '../../../../src/lib/net/host-names.js';

describe('host names of this machine', () => {
  let directory: string;
  let hostsFile: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-hosts-'));
    hostsFile = join(directory, 'hosts');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('include addresses, localhost, and the given names', () => {
    const names = new HostNames(['Worker-1'], hostsFile);
    for (const host of [
      '127.0.0.1:43000',
      '[::1]:1',
      'localhost',
      'a.localhost:2',
      'worker-1.',
      'WORKER-1:43000',
    ]) {
      expect(names.has(host), host).to.equal(true);
    }
    for (const host of ['evil.example', 'worker-1.evil.example', 'localhost.evil.example:43000']) {
      expect(names.has(host), host).to.equal(false);
    }
  });

  it('include the names of loopback addresses in the hosts file, and no others of it', () => {
    writeFileSync(
      hostsFile,
      '127.0.0.1 localhost ci.test # evil.example\n127.0.1.1\tbuilder builder.lan\n::1 six\n' +
        '192.0.2.1 elsewhere\n0.0.0.0 blocked.example\n#127.0.0.1 off\n',
    );
    const names = new HostNames([], hostsFile);
    for (const host of ['ci.test:43000', 'Builder', 'builder.lan', 'six']) {
      expect(names.has(host), host).to.equal(true);
    }
    for (const host of ['evil.example', 'elsewhere', 'blocked.example', 'off', '#']) {
      expect(names.has(host), host).to.equal(false);
    }
  });

  it('follow changes and the removal of the hosts file', () => {
    const names = new HostNames([], hostsFile);
    expect(names.has('ci.test')).to.equal(false);
    writeFileSync(hostsFile, '127.0.0.1 ci.test\n');
    expect(names.has('ci.test')).to.equal(true);
    rmSync(hostsFile);
    expect(names.has('ci.test')).to.equal(false);
  });
});
