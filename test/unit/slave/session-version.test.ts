import { expect } from 'chai';
import { pino } from 'pino';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';
import { Session } from '../../../src/slave/link/session.js';
import { type FakeMaster, startFakeMaster } from '../../support/fake-master.js';
import { ManualClock } from '../../support/manual-clock.js';
import { eventually } from '../../support/wait.js';

describe('a slave at a master of another version', () => {
  let master: FakeMaster;
  let session: Session;
  let logged: string[];
  const clock = new ManualClock();
  beforeEach(async () => {
    master = await startFakeMaster({ clock });
    logged = [];
    session = new Session({
      masterUrl: master.url,
      secret: master.secret,
      name: 'worker',
      numExecutors: 1,
      url: null,
      clock,
      random: () => 0.5,
      log: pino({ level: 'info' }, { write: (line: string) => logged.push(JSON.parse(line).msg) }),
    });
  });
  afterEach(async () => {
    await session.client.close();
    await master.close();
  });

  for (const [which, error, message] of [
    [
      'newer',
      new ClusterRunnerError('PROTOCOL_MISMATCH', 'The slave is older.'),
      /^The slave is older\. This slave tries again/,
    ],
    [
      'older',
      new ClusterRunnerError('INVALID_REQUEST', 'protocol is unknown.'),
      /it is of an older version; .* protocol is unknown\./,
    ],
  ] as const) {
    it(`logs once that a master is ${which}, retries slowly, and joins when it is replaced`, async () => {
      const { service } = master;
      const register = service.registerSlave.bind(service);
      let refusals = 0;
      service.registerSlave = async () => {
        refusals += 1;
        throw error;
      };
      const joining = session.connect(new AbortController().signal);
      for (let tries = 1; tries <= 2; tries += 1) {
        await eventually('it waits', () => refusals === tries && clock.sleeping > 0);
        clock.advance(30_000);
      }
      await eventually('it waits', () => refusals === 3 && clock.sleeping > 0);
      service.registerSlave = register;
      clock.advance(30_000);
      await joining;
      expect(session.slaveId).to.not.equal(null);
      expect(logged.filter((line) => message.test(line))).to.have.length(1);
    });
  }
});
