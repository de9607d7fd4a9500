import { expect } from 'chai';
import fc from 'fast-check';
import { parseOpenFileLimit } from '../../../src/lib/open-file-limit.js';
import { connectionsWithin } from '../../../src/master/http/limits.js';

describe('the limit of open files', () => {
  it('is read as the kernel writes it', () => {
    const text =
      'Limit                     Soft Limit           Hard Limit           Units     \n' +
      'Max processes             63432                63432                processes \n' +
      'Max open files            1024                 524288               files     \n';
    expect(parseOpenFileLimit(text)).to.equal(1024);
    expect(parseOpenFileLimit(text.replace('1024 ', 'unlimited '))).to.equal(null);
    expect(parseOpenFileLimit('')).to.equal(null);
  });

  it('leaves a file for each connection, and never raises what is configured', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.integer({ min: 256, max: 2_000_000 }),
        (most, files) => {
          const connections = connectionsWithin(most, files);
          expect(connections).to.be.within(1, most);
          expect(2 * connections + 64).to.be.at.most(files);
        },
      ),
    );
    expect(connectionsWithin(10_000, null)).to.equal(10_000);
    expect(connectionsWithin(10_000, 1024)).to.equal(480);
  });
});
