import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import type { RouteDeclaration } from '../../../src/protocol/route.js';
import { routes } from '../../../src/protocol/routes.js';
import { Cluster } from '../../support/cluster.js';
import { writeFiles } from '../../support/project.js';

const JOB = `
Leave:
    atomizers: [{N: echo 1}]
    commands:
        - ln -s "$CONF" "$ARTIFACT_DIR/to-the-secret"
        - ln -s ../../../../base "$ARTIFACT_DIR/to-the-base"
        - echo kept > "$ARTIFACT_DIR/kept"
        - echo shown
`;
const declared: RouteDeclaration[] = Object.values(routes);
const reading = declared.filter(({ method, path }) => method === 'GET' && /[:*]\w/.test(path));
const GOOD: Readonly<Record<string, string>> = {
  buildId: '1',
  subjobId: '0',
  atomId: '0',
  slaveId: '1',
  folder: 'artifact_0_0',
  path: 'kept',
  commit: 'a'.repeat(40),
};
const ELSEWHERE: readonly string[] = [
  '..',
  '../..',
  '../../../clusterrunner.conf',
  '..%2f..%2f..%2fclusterrunner.conf',
  '%2e%2e/%2e%2e/%2e%2e/clusterrunner.conf',
  '..%5c..%5cclusterrunner.conf',
  '....//....//clusterrunner.conf',
  '%2e%2e%2fmaster.db',
  '/etc/passwd',
  '%2fetc%2fpasswd',
  'artifact_0_0/../../../master.db',
  'artifact_0_0%00',
  '1%00',
  '1/../1',
  'to-the-secret',
  'to-the-base/clusterrunner.conf',
  'file:%2f%2f%2fetc%2fpasswd',
  '%252e%252e%252fmaster.db',
  '__proto__',
];

describe('a path that leads elsewhere', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    await cluster.startMaster();
    const conf = join(cluster.baseDirectory, 'clusterrunner.conf');
    await cluster.startSlave(1, {
      env: { CONF: conf, CLUSTERRUNNER_ENV_PASSTHROUGH: 'TEST_CLUSTER,CONF' },
    });
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOB });
    const { exitCode, stdout, stderr } = await cluster.build([]);
    expect(exitCode, stdout + stderr).to.equal(0);
  });
  after(() => cluster.stop());

  /** Over a socket, since clients normalize paths. */
  async function get(target: string): Promise<{ status: number; bytes: Buffer }> {
    const socket = connect(cluster.master.port, '127.0.0.1');
    socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const bytes = await buffer(socket);
    return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(bytes.toString('latin1'))?.[1]), bytes };
  }

  it('reaches nothing beyond the API, as any id or name of any route', async () => {
    for (const { path } of reading) {
      const names = [...path.matchAll(/[:*](\w+)/g)].map(([, name = '']) => name);
      for (const wrong of names) {
        for (const text of ELSEWHERE) {
          const target = path.replace(/[:*](\w+)/g, (_, name: string) =>
            name === wrong ? text : (GOOD[name] ?? '1'),
          );
          const { status, bytes } = await get(target);
          expect(status, target).to.be.within(200, 499);
          for (const secret of [cluster.secret, 'SQLite format', 'root:']) {
            expect(bytes.includes(secret), target).to.equal(false);
          }
        }
      }
    }
    expect((await get('/v1/build/1/artifact/artifact_0_0/kept')).bytes.toString()).to.match(/\r\nkept\n$/);
  });

  it('is left out of results and named when it leads out of the folder of its atom', async () => {
    const { bytes } = await get('/v1/build/1/artifact/artifact_0_0');
    expect(bytes.toString()).not.to.contain('to-the-secret');
    const notes = await get('/v1/build/1/artifact/artifact_0_0/clusterrunner_notes');
    expect(notes.bytes.toString()).to.contain('to-the-secret').and.contain('to-the-base');
    for (const name of ['to-the-secret', 'to-the-base', 'to-the-base/clusterrunner.conf']) {
      expect((await get(`/v1/build/1/artifact/artifact_0_0/${name}`)).status, name).to.equal(404);
    }
    expect(cluster.results().filter((name) => name.includes('to-the'))).to.deep.equal([]);
    for (const name of cluster.results()) {
      const file = readFileSync(join(cluster.cwd, 'build_results', name));
      expect(file.includes(cluster.secret), name).to.equal(false);
    }
  });
});
