import { expect } from 'chai';
import { ipPrefix } from '../../../../src/lib/net/ip-prefix.js';

describe('ipPrefix', () => {
  it('is the address itself for IPv4, also for IPv4-mapped addresses', () => {
    expect(ipPrefix('192.0.2.1')).to.equal('192.0.2.1');
    expect(ipPrefix('::ffff:192.0.2.1')).to.equal('192.0.2.1');
    expect(ipPrefix('::ffff:192.0.2.2')).to.equal('192.0.2.2');
  });

  it('is the /64 prefix for IPv6', () => {
    const same = [
      '2001:db8:0:1::',
      '2001:db8:0:1::2',
      '2001:0db8:0000:0001:ffff:ffff:ffff:ffff',
      '2001:db8::1:3:4:5:6',
      '2001:DB8:0:1::192.0.2.1',
    ];
    expect([...new Set(same.map(ipPrefix))]).to.deep.equal(['2001:db8:0:1::/64']);
    expect(ipPrefix('2001:db8:0:2::1')).to.equal('2001:db8:0:2::/64');
    expect(ipPrefix('fe80::1%eth0')).to.equal('fe80:0:0:0::/64');
    expect(ipPrefix('::1')).to.equal('0:0:0:0::/64');
  });

  it('is the text itself when it is no address', () => {
    expect(ipPrefix('')).to.equal('');
  });
});
