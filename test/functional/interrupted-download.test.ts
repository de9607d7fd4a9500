import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type Deferred, deferred } from '../../src/lib/async/deferred.js';
import { Cluster } from '../support/cluster.js';
import { type FakeMaster, startFakeMaster } from '../support/fake-master.js';

describe('a download of results that Ctrl-C interrupts', () => {
  let cluster: Cluster;
  let master: FakeMaster;
  let server: Server;
  let begun: Deferred<void>;
  beforeEach(async () => {
    cluster = await Cluster.create();
    master = await startFakeMaster({ secrets: [cluster.secret] });
    await master.client.createBuild({ type: 'directory', project_directory: '/p', job_name: 'Simple' });
    begun = deferred<void>();
    // Sends the beginning of an archive, and never its end.
    server = createServer((request, response) => {
      if (request.url?.endsWith('/artifacts.tar.gz') === true) {
        response.writeHead(200, { 'content-length': 1_000_000, etag: '"tag"' });
        response.write(gzipSync(Buffer.alloc(100)).subarray(0, 20), () => begun.resolve());
        return;
      }
      fetch(`${master.url}${request.url}`).then(async (upstream) => {
        response.writeHead(upstream.status, { 'content-type': 'application/json' });
        response.end(await upstream.text());
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await master.close();
    await cluster.stop();
  });

  it('exits with 130 and leaves the earlier results', async () => {
    mkdirSync(join(cluster.cwd, 'build_results'));
    writeFileSync(join(cluster.cwd, 'build_results', 'failures.txt'), 'old');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const program = cluster.run(['results', '1', '-m', `http://127.0.0.1:${port}`]);
    await begun.promise;
    program.signal('SIGINT');
    const { exitCode, stderr } = await program.ended;
    expect({ exitCode, stderr }).to.deep.equal({
      exitCode: 130,
      stderr: `clusterrunner: Interrupted; ${join(cluster.cwd, 'build_results')} is as it was.\n`,
    });
    expect(readdirSync(cluster.cwd)).to.deep.equal(['build_results']);
    expect(readFileSync(join(cluster.cwd, 'build_results', 'failures.txt'), 'utf8')).to.equal('old');
  });
});
