import { expect } from 'chai';
import { handRerunCommand } from '../../../../../src/dashboard/pages/atom/hand-rerun-command.js';
import { toId } from '../../../../../src/protocol/ids.js';

describe('the command that reruns an atom by hand', () => {
  const atom = { id: toId.atom(3), subjob_id: toId.subjob(1) };
  const of = (type: 'git' | 'directory', masterUrl: string | null) =>
    handRerunCommand({ id: toId.build(7), request_params: { type } }, atom, masterUrl);
  const script = 'bash build_results/artifact_1_3/clusterrunner_command';

  it('fetches the results first, from the master of the page', () => {
    expect(of('directory', 'http://ci.example:43000')).to.equal(
      `clusterrunner results 7 --master-url http://ci.example:43000 && ${script}`,
    );
    expect(of('git', 'http://localhost:43000')).to.equal(
      `clusterrunner results 7 && PROJECT_DIR="$PWD" ${script}`,
    );
  });

  it('finds the results in their place when a cluster of one command has left them', () => {
    expect(of('directory', null)).to.equal(script);
    expect(of('git', null)).to.equal(`PROJECT_DIR="$PWD" ${script}`);
  });
});
