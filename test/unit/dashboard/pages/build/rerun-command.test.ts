import { expect } from 'chai';
import { rerunCommand } from '../../../../../src/dashboard/pages/build/rerun-command.js';
import { toId } from '../../../../../src/protocol/ids.js';

describe('the command that runs failed atoms again', () => {
  const of = (origin: string) => rerunCommand(toId.build(7), { origin });

  it('names the master, unless commands find it by themselves', () => {
    expect(of('http://localhost:43000')).to.equal('clusterrunner build --rerun-failed 7');
    expect(of('https://ci.example.com')).to.equal(
      'clusterrunner build --rerun-failed 7 --master-url https://ci.example.com',
    );
  });
});
