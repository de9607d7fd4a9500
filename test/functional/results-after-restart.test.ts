import { connect, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';

/** Forwards connections to a master, and breaks those whose request `isBroken` says. */
class BreakingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #broken = 0;

  private constructor(target: URL, isBroken: (request: string) => boolean, most: number) {
    this.#server = createServer((client) => {
      const master = connect(Number(target.port), '127.0.0.1');
      for (const socket of [client, master]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          client.destroy();
          master.destroy();
        });
      }
      client.on('data', (data) => {
        if (this.#broken < most && isBroken(data.toString('latin1'))) {
          this.#broken += 1;
          client.destroy();
        } else {
          master.write(data);
        }
      });
      master.pipe(client);
    });
  }

  static async listen(
    target: string,
    isBroken: (request: string) => boolean,
    most: number,
  ): Promise<BreakingProxy> {
    const proxy = new BreakingProxy(new URL(target), isBroken, most);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get broken(): number {
    return this.#broken;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }
}

describe('a build whose master does not respond when the results are fetched', () => {
  let cluster: Cluster;
  let proxy: BreakingProxy | null = null;
  beforeEach(async () => {
    cluster = await Cluster.create();
    await cluster.startMaster();
    await cluster.startSlave(2);
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'J: {atomizers: [{N: seq 3}], commands: ["echo out of $N"]}\n',
    });
  });
  afterEach(async () => {
    proxy?.close();
    await cluster.stop();
  });

  for (const [what, path] of [
    ['the archive of the results', 'artifacts.tar.gz'],
    ['the list of the atoms', '/atom?'],
  ] as const) {
    it(`tries to fetch ${what} again, and exits with the verdict`, async () => {
      const target = cluster.master.url;
      proxy = await BreakingProxy.listen(
        target,
        (request) => request.split('\r\n')[0]?.includes(path) === true,
        3,
      );
      const { exitCode, stdout, stderr } = await cluster.run(['build', '-m', proxy.url]).ended;
      expect(exitCode, stdout + stderr).to.equal(0);
      expect(proxy.broken).to.equal(3);
      expect(stderr).to.contain('The master does not respond; requests are retried for 15 minutes at most.');
      expect(cluster.results()).to.include.members(['junit.xml']);
    });
  }
});
