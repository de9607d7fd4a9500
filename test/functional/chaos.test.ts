import { expect } from 'chai';
import { Diary } from '../chaos/diary.js';
import { runChaos } from '../chaos/run-chaos.js';

const SEED = 20;
const SECONDS = 15;

describe('a cluster whose machines and network fail', () => {
  it(`gives every build its right result, loses nothing and leaves nothing behind (seed ${SEED})`, async function () {
    this.timeout(300_000);
    const lines: string[] = [];
    const diary = new Diary((line) => lines.push(line));
    const { builds } = await runChaos({ seed: SEED, seconds: SECONDS }, diary);
    const story = `seed ${SEED}; what happened:\n${lines.join('\n')}`;
    expect(diary.violations, story).to.deep.equal([]);
    expect(builds, story).to.be.greaterThan(0);
  });
});
