import { expect } from 'chai';
import { type FuzzReport, runFuzz } from '../../fuzz/run-fuzz.js';
import { Certificates } from '../../support/certificates.js';

const SEED = 11;

describe('a master that receives malformed requests', () => {
  async function fuzz(requests: number, tls: boolean): Promise<FuzzReport> {
    const lines: string[] = [`seed ${SEED}`];
    const report = await runFuzz({ seed: SEED, requests, only: null, tls, say: (line) => lines.push(line) });
    expect(report.violations, lines.join('\n')).to.deep.equal([]);
    expect(report.builds).to.be.at.least(1);
    return report;
  }

  it('never responds with 5xx, does not grow, and finishes builds meanwhile', async function () {
    this.timeout(300_000);
    const { statuses, reached } = await fuzz(1200, false);
    for (const status of [200, 400, 401, 404, 409]) {
      expect(statuses.get(status) ?? 0, String(status)).to.be.above(0);
    }
    for (const [route, count] of reached) {
      expect(count, `${route} past its signature check`).to.be.above(0);
    }
  });

  it('never responds with 5xx over TLS either', async function () {
    this.timeout(300_000);
    if (!Certificates.arePossible()) {
      this.skip();
    }
    await fuzz(200, true);
  });
});
