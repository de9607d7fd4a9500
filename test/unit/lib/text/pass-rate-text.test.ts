import { expect } from 'chai';
import { passRateFact, passRateText } from '../../../../src/lib/text/pass-rate-text.js';

describe('how often a job passes, as text', () => {
  const job = { pass_rate: 0.83, num_atoms: 12, last_build: { num_atoms_done: 12 } };

  it('is a part of its builds', () => {
    expect(passRateText(job)).to.equal('83 %');
    expect(passRateFact(job)).to.equal('83 % of the newest passed');
  });

  it('is empty while no build counts', () => {
    expect(passRateText({ ...job, pass_rate: null })).to.equal(null);
    expect(passRateFact({ ...job, pass_rate: null })).to.equal(null);
  });

  it('says that no atom has run, whether its builds passed or not', () => {
    for (const pass_rate of [0, 1]) {
      const idle = { pass_rate, num_atoms: 0, last_build: { num_atoms_done: 0 } };
      expect(passRateText(idle)).to.equal('no runs');
      expect(passRateFact(idle)).to.equal('no run of an atom is recorded');
    }
  });

  it('is a part of its builds also where no atom is kept of those that ran', () => {
    expect(passRateText({ ...job, num_atoms: 0 })).to.equal('83 %');
  });
});
