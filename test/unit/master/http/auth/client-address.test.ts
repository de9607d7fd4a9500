import { expect } from 'chai';
import fc from 'fast-check';
import { Networks } from '../../../../../src/lib/net/networks.js';
import { clientAddress } from '../../../../../src/master/http/auth/client-address.js';

function networks(...texts: string[]): Networks {
  const read = Networks.read(texts);
  if (read === undefined) {
    throw new Error(`No networks: ${texts.join(', ')}`);
  }
  return read;
}

describe('networks', () => {
  it('contain addresses and ranges of IPv4 and IPv6', () => {
    const some = networks('192.0.2.1', '10.0.0.0/8', '2001:db8::/32');
    for (const address of [
      '192.0.2.1',
      '::ffff:192.0.2.1',
      '10.255.0.1',
      '2001:db8:1::2',
      '2001:db8::1%eth0',
    ]) {
      expect(some.has(address), address).to.equal(true);
    }
    for (const address of ['192.0.2.2', '11.0.0.1', '2001:db9::', '', 'localhost', '::ffff:11.0.0.1']) {
      expect(some.has(address), address).to.equal(false);
    }
    expect(Networks.none.has('127.0.0.1')).to.equal(false);
  });

  it('refuse any other text', () => {
    for (const text of [
      '',
      'localhost',
      '10.0.0.0/33',
      '10.0.0.0/',
      '10.0.0.0/8/8',
      '::/129',
      '10/8',
      '*',
      '1.2.3.4/x',
    ]) {
      expect(Networks.read([text]), text).to.equal(undefined);
    }
  });
});

describe('the client address of a request', () => {
  const trusted = networks('127.0.0.1', '10.0.0.0/8');

  it('is that of the connection when that is no trusted proxy, whatever the request says', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.string(), (peer, said) => {
        expect(clientAddress(peer, said, Networks.none)).to.equal(peer);
        expect(clientAddress(peer, said, trusted)).to.satisfy(
          (address: string) => trusted.has(peer) || address === peer,
        );
      }),
    );
  });

  it('is the last one that is no trusted proxy, so that entries of the client do not count', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('192.0.2.7', '2001:db8::7'), (written, client) => {
        expect(clientAddress('127.0.0.1', `${written}, ${client}`, trusted)).to.equal(client);
        expect(clientAddress('127.0.0.1', `${written}, ${client}, 10.1.1.1`, trusted)).to.equal(client);
      }),
    );
  });

  it('may have a port', () => {
    expect(clientAddress('127.0.0.1', '192.0.2.7:1234', trusted)).to.equal('192.0.2.7');
    expect(clientAddress('127.0.0.1', '[2001:db8::7]:1234', trusted)).to.equal('2001:db8::7');
    expect(clientAddress('127.0.0.1', '[2001:db8::7]', trusted)).to.equal('2001:db8::7');
  });

  it('is that of the proxy when the proxy names no other', () => {
    for (const said of [undefined, '', 'unknown', '_hidden', '192.0.2.7, ']) {
      expect(clientAddress('127.0.0.1', said, trusted)).to.equal('127.0.0.1');
    }
  });
});
