import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { MasterClient } from '../../../src/client/master-client.js';
import { Certificates } from '../../support/certificates.js';
import { Cluster } from '../../support/cluster.js';
import { writeFiles } from '../../support/project.js';
import { eventually } from '../../support/wait.js';

const JOB = 'Say: {atomizers: [{N: seq 3}], commands: [echo "$N"]}\n';

describe('a master with a certificate', () => {
  let cluster: Cluster;
  let certificates: Certificates;
  let env: Record<string, string>;
  before(async function () {
    cluster = await Cluster.create();
    const made = Certificates.create(cluster.root);
    if (made === null) {
      this.skip();
    }
    certificates = made;
    env = {
      CLUSTERRUNNER_HTTPS_CERT_FILE: certificates.certFile,
      CLUSTERRUNNER_HTTPS_KEY_FILE: certificates.keyFile,
      CLUSTERRUNNER_HTTPS_CA_FILE: certificates.caFile,
    };
    await cluster.startMaster(['-p', '0'], { env });
  });
  after(() => cluster.stop());

  /** The handshake with the master; the caller ends the socket. */
  const shake = (options: object = {}) =>
    new Promise<TLSSocket>((resolve, reject) => {
      const ca = readFileSync(certificates.caFile);
      const socket = connect({ host: '127.0.0.1', port: cluster.master.port, ca, ...options }, () =>
        resolve(socket),
      );
      socket.once('error', reject);
    });
  const shownNumber = async () => {
    const socket = await shake();
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };

  it('speaks HTTPS with slaves and clients that trust its certificate authority', async () => {
    expect(cluster.master.url).to.match(/^https:/);
    expect(cluster.master.program.stdout).not.to.contain('not encrypted');
    await cluster.startSlave(1, { env });
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOB });
    const { exitCode, stdout, stderr } = await cluster.build([], { env });
    expect(exitCode, stdout + stderr).to.equal(0);
    expect(cluster.result(2, 'clusterrunner_console_output')).to.equal('3\n');
    // Found without a URL, as the master of this machine.
    const listed = await cluster.run(['list'], { env }).ended;
    expect(listed.stdout, listed.stderr).to.match(/SUCCESS|FINISHED/);
  });

  it('is refused by clients that do not trust it', async () => {
    const client = new MasterClient({ url: cluster.master.url, secret: cluster.secret });
    const refused = await client.listBuilds({}).catch((error: unknown) => error);
    await client.close();
    expect(refused).to.have.property('code', 'MASTER_UNREACHABLE');
    expect(refused)
      .to.have.property('message')
      .that.matches(/certificate|issuer/);
  });

  it('speaks TLS from 1.2, and no plain HTTP', async () => {
    const modern = await shake({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
    expect(modern.getProtocol()).to.equal('TLSv1.2');
    modern.destroy();
    const old = await shake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }).catch(
      (error: unknown) => error,
    );
    expect(old).to.be.an('error');
    const inPlain = await fetch(cluster.master.url.replace('https:', 'http:')).catch(
      (error: unknown) => error,
    );
    expect(inPlain).to.be.an('error');
    expect(cluster.master.program.hasEnded).to.equal(false);
  });

  it('takes a renewed certificate without a restart, and ignores a broken one', async () => {
    const first = await shownNumber();
    certificates.issue();
    const second = await eventually('the new certificate is shown', async () => {
      const serial = await shownNumber();
      return serial === first ? null : serial;
    });
    writeFiles(cluster.root, { 'key.pem': 'no key' });
    await eventually('it says so', () => cluster.master.program.stderr.includes('cannot be used yet'));
    expect(await shownNumber()).to.equal(second);
    certificates.issue();
    await eventually('the third certificate is shown', async () => (await shownNumber()) !== second);
  });

  it('does not start with files that are no certificate with its key, and says so', async () => {
    const wrong = { ...env, CLUSTERRUNNER_HTTPS_KEY_FILE: certificates.caFile };
    const { exitCode, stderr } = await cluster.run(['master', '-p', '0'], {
      env: { ...wrong, CLUSTERRUNNER_BASE_DIRECTORY: cluster.temporary.replace('tmp', 'other') },
    }).ended;
    expect(exitCode).to.equal(2);
    expect(stderr).to.match(/^clusterrunner: HTTPS is not possible with https_cert_file [^\n]+\n$/);
  });
});

describe('a master without a certificate', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
  });
  afterEach(() => cluster.stop());

  it('warns once when other machines can reach it unencrypted', async () => {
    const { program } = await cluster.startMaster();
    await program.says(/^Connections from other machines are not encrypted.*$/m);
    expect(program.stdout.match(/not encrypted/g)).to.have.lengthOf(1);
    program.signal('SIGTERM');
    await program.ended;
    const alone = await cluster.startMaster(['-p', '0'], { env: { CLUSTERRUNNER_ADDRESS: '127.0.0.1' } });
    alone.program.signal('SIGTERM');
    expect((await alone.program.ended).stdout).not.to.contain('not encrypted');
  });
});
