import type { EventEmitter } from 'node:events';
import { connect, Socket } from 'node:net';
import { expect } from 'chai';
import { Connections } from '../../../../../src/master/http/limits/connections.js';
import { type FakeMaster, startFakeMaster } from '../../../../support/fake-master.js';
import { named, pollRequest } from '../../../../support/named-slave.js';
import { until } from '../../../../support/until.js';

/** A fake connection from any address. */
function socketFrom(remoteAddress: string, remotePort: number): Socket {
  const socket = new Socket();
  Object.defineProperties(socket, {
    remoteAddress: { value: remoteAddress },
    remotePort: { value: remotePort },
  });
  return socket;
}

describe('the connections of a master at its limit', () => {
  let connections: Connections;
  beforeEach(() => {
    connections = new Connections(6);
  });

  const admitted = (address: string, ports: readonly number[]): Socket[] =>
    ports.map((port) => {
      const socket = socketFrom(address, port);
      expect(connections.admit(socket)).to.equal(null);
      return socket;
    });

  it('evict the oldest of the address with the most unauthenticated connections', () => {
    const [proved, greedy] = admitted('192.0.2.1', [1, 2, 3, 4]);
    admitted('192.0.2.2', [1, 2]);
    if (proved !== undefined) {
      connections.authenticated(proved);
    }
    expect(connections.admit(socketFrom('192.0.2.3', 1))?.socket).to.equal(greedy);
  });

  it('count all addresses of one /64 together', () => {
    const [oldest] = admitted('2001:db8::1', [1]);
    admitted('2001:db8::2', [2]);
    admitted('2001:db8::3', [3]);
    admitted('192.0.2.1', [1, 2]);
    admitted('192.0.2.2', [1]);
    expect(connections.admit(socketFrom('192.0.2.3', 1))?.socket).to.equal(oldest);
  });

  it('refuse a new one when all are authenticated', () => {
    for (const socket of admitted('192.0.2.1', [1, 2, 3, 4, 5, 6])) {
      connections.authenticated(socket);
    }
    const newcomer = socketFrom('192.0.2.2', 1);
    expect(connections.admit(newcomer)).to.deep.equal({ socket: newcomer, isUnused: true });
  });

  it('are counted until they close, also when a port is used again', () => {
    const [first] = admitted('192.0.2.1', [1, 2, 3, 4, 5, 6]);
    const again = socketFrom('192.0.2.1', 7);
    expect(connections.admit(again)).to.deep.equal({ socket: first, isUnused: true });
    const sameEnd = socketFrom('192.0.2.1', 1);
    expect(connections.admit(sameEnd)).not.to.equal(null);
    const emitter: EventEmitter | undefined = first;
    emitter?.emit('close');
    expect(connections.admit(socketFrom('192.0.2.1', 8)), 'still full').not.to.equal(null);
    sameEnd.emit('close');
    expect(connections.admit(socketFrom('192.0.2.1', 9)), 'one has gone').to.equal(null);
  });
});

describe('an unauthenticated client that opens all connections', () => {
  let master: FakeMaster;
  const strangers: Socket[] = [];
  beforeEach(async () => {
    master = await startFakeMaster({ settings: { maxConnections: 5 } });
  });
  afterEach(async () => {
    for (const socket of strangers.splice(0)) {
      socket.destroy();
    }
    await master.close();
  });

  async function openMany(count: number): Promise<void> {
    const opened = Array.from({ length: count }, () => {
      const socket = connect(Number(new URL(master.url).port), '127.0.0.1');
      socket.on('error', () => undefined).resume();
      strangers.push(socket);
      return new Promise((resolve) => socket.once('connect', resolve));
    });
    await Promise.all(opened);
  }

  it('keeps no slave out, and disconnects none that waits for work', async () => {
    await openMany(20);
    const { slave_id } = await master.client.registerSlave(named);
    const asked = master.client.askForWork(slave_id, pollRequest);
    await until(() => master.service.waiting === 1);
    await openMany(20);
    await until(() => strangers.filter(({ destroyed }) => destroyed).length >= 30);
    const work = { assignments: [], cancel: [], release: [], drain: true };
    master.service.respondWithWork(work);
    expect(await asked).to.deep.include(work);
  });
});
