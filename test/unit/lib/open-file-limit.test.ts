import { expect } from 'chai';
import fc from 'fast-check';
import { pino } from 'pino';
import { withinFileLimit } from '../../../src/cli/services/serve-master.js';
import { parseOpenFileLimit } from '../../../src/lib/open-file-limit.js';
import { connectionsWithin } from '../../../src/master/http/limits/limits.js';
import { defaults } from '../../support/settings.js';

describe('openFileLimit', () => {
  it('is parsed from the format of the kernel', () => {
    const text =
      'Limit                     Soft Limit           Hard Limit           Units     \n' +
      'Max processes             63432                63432                processes \n' +
      'Max open files            1024                 524288               files     \n';
    expect(parseOpenFileLimit(text)).to.equal(1024);
    expect(parseOpenFileLimit(text.replace('1024 ', 'unlimited '))).to.equal(null);
    expect(parseOpenFileLimit('')).to.equal(null);
  });

  it('leaves one file for each connection, and never raises the configured number', () => {
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

  it('causes a warning where it leaves less than half of the configured connections', () => {
    const levels = (files: number | null) => {
      const logged: { level: number; msg: string }[] = [];
      const log = pino({ level: 'trace' }, { write: (line: string) => logged.push(JSON.parse(line)) });
      const { maxConnections } = withinFileLimit({ ...defaults, maxConnections: 10_000 }, files, log);
      expect(logged.every(({ msg }) => msg.includes(`at most ${maxConnections} connections`))).to.equal(true);
      return logged.map(({ level }) => log.levels.labels[level]);
    };
    expect(levels(1024)).to.deep.equal(['warn']);
    expect(levels(20_000)).to.deep.equal(['debug']);
    expect(levels(1_000_000)).to.deep.equal([]);
    expect(levels(null)).to.deep.equal([]);
  });
});
