import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { cutConsole } from '../../../src/slave/cut-console.js';
import { eventually } from '../../support/wait.js';

const MAX = 200_000;

describe('a console that is too long', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'console-'));
    file = join(directory, 'console');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const cut = (before = 0, hiddenBytes = 0) => cutConsole(file, { maxBytes: MAX, hiddenBytes, before });
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => `line ${from + n}\n`).join('');

  it('keeps its beginning and its end, at ends of lines, and says what is gone', () => {
    const all = lines(0, 100_000);
    writeFileSync(file, all);
    const gone = cut();
    const text = readFileSync(file, 'utf8');
    const [head = '', end = ''] = text.split(/\n… clusterrunner: \d+ bytes are left out here, .* …\n/);
    expect(all.startsWith(head) && head.endsWith('\n')).to.equal(true);
    expect(all.endsWith(end) && end.startsWith('line ')).to.equal(true);
    expect(text).to.contain(`clusterrunner: ${gone} bytes`);
    expect(gone).to.equal(all.length - head.length - end.length);
    expect(statSync(file).size).to.be.lessThan(MAX);
  });

  it('is cut again and again in one place', () => {
    let printed = 0;
    let gone = 0;
    for (let round = 0; round < 20; round += 1) {
      const more = lines(round * 20_000, (round + 1) * 20_000);
      printed += more.length;
      appendFileSync(file, more);
      gone = cut(gone);
    }
    const parts = readFileSync(file, 'utf8').split(
      /\n… clusterrunner: (\d+) bytes are left out here, .* …\n/,
    );
    expect(parts).to.have.length(3);
    const [head = '', said, end = ''] = parts;
    expect(Number(said))
      .to.equal(gone)
      .and.to.equal(printed - head.length - end.length);
    expect(end).to.match(/line 399999\n$/);
  });

  it('masks what lies beside a cut within a line', () => {
    writeFileSync(file, 'secret'.repeat(100_000));
    cut(0, 5);
    expect(readFileSync(file, 'utf8')).to.match(/[a-z]\*{5}\n… .* …\n\*{5}[a-z]/);
  });

  it('is left as it is up to the limit, and so is what is no file', () => {
    writeFileSync(file, 'x'.repeat(MAX));
    expect(cut()).to.equal(0);
    expect(statSync(file).size).to.equal(MAX);
    const victim = join(directory, 'victim');
    writeFileSync(victim, 'x'.repeat(MAX + 1));
    rmSync(file);
    expect(cut()).to.equal(0);
    symlinkSync(victim, file);
    expect(cut()).to.equal(0);
    expect(statSync(victim).size).to.equal(MAX + 1);
  });

  it('takes what a program goes on to print', async () => {
    writeFileSync(file, '');
    const printing = spawn('bash', ['-c', `{ seq 100000; read -r _; echo after; } >> ${file}`], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await eventually('it has printed', () => statSync(file).size === 588_895);
    expect(cut()).to.be.greaterThan(0);
    printing.stdin?.end('\n');
    await once(printing, 'close');
    expect(readFileSync(file, 'utf8')).to.match(/\n100000\nafter\n$/);
  });
});
