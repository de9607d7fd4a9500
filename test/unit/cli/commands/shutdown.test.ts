import { expect } from 'chai';
import { shutdown, slavesNamed } from '../../../../src/cli/commands/shutdown.js';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { toId } from '../../../../src/protocol/ids.js';

const slaves = [
  { id: toId.slave(1), name: 'alpha' },
  { id: toId.slave(2), name: 'alpha' },
  { id: toId.slave(3), name: 'beta' },
];

describe('shutting slaves down', () => {
  it('takes ids, and names for all slaves that share them', () => {
    expect(slavesNamed(['alpha', '3', '2', '9'], slaves)).to.deep.equal([1, 2, 3, 9]);
    expect(() => slavesNamed(['gamma'], slaves)).to.throw(ClusterRunnerError, 'No slave called "gamma"');
  });

  it('requires slaves or --all', async () => {
    for (const [names, options] of [
      [[], {}],
      [['1'], { all: true }],
    ] as const) {
      const error = await shutdown(names, options).then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).to.include({ code: 'USAGE' });
    }
  });
});
