import { expect } from 'chai';
import { runFuzz } from '../../fuzz/run-fuzz.js';

describe('a master that is sent what no client should send', () => {
  it('answers with no 5xx, does not grow, and finishes the builds beside it', async function () {
    this.timeout(300_000);
    const lines: string[] = [];
    const report = await runFuzz({ seed: 7, requests: 3000, only: null, say: (line) => lines.push(line) });
    expect(report.violations, lines.join('\n')).to.deep.equal([]);
    expect(report.builds).to.be.at.least(1);
    // So that it is known to reach what lies behind the signature.
    for (const status of [200, 400, 401, 404, 409]) {
      expect(report.statuses.get(status) ?? 0, String(status)).to.be.above(0);
    }
  });
});
