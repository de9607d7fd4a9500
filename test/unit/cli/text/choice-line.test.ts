import { expect } from 'chai';
import { choiceLine } from '../../../../src/cli/text/choice-line.js';
import { toId } from '../../../../src/protocol/ids.js';

const build = {
  id: toId.build(3),
  num_atoms: 12,
  affected: { num_atoms: 12, num_unaffected: 388, uncovered: null },
  request_params: { type: 'snapshot' as const, only_affected: true },
};

describe('the line about the atoms that a build runs', () => {
  it('has the number of those that it leaves out', () => {
    expect(choiceLine(build)).to.equal('Build 3 runs 12 of 400 atoms, those that the changed files affect');
  });

  it('names the changed file for which all atoms run, without what could control a terminal', () => {
    const affected = { num_atoms: 12, num_unaffected: 0, uncovered: 'a\u001b[31mb' };
    expect(choiceLine({ ...build, affected })).to.match(/^Build 3 runs all 12 atoms: no rule .* file a.*b$/);
    expect(choiceLine({ ...build, affected })).to.not.contain('\u001b');
  });

  it('is missing where all atoms were asked for, before they are known, and with an older master', () => {
    expect(choiceLine({ ...build, request_params: { type: 'snapshot' } })).to.equal(null);
    expect(choiceLine({ ...build, num_atoms: null })).to.equal(null);
    const { affected: _, ...older } = build;
    expect(choiceLine(older)).to.equal(null);
  });
});
