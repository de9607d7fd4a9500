import { Program } from './processes.js';

/** For each of the two streams. */
const SHOWN_CHARS = 4000;

function lastOf(name: string, text: string): string {
  return text === '' ? '' : `  ${name}: ${text.slice(-SHOWN_CHARS).replaceAll('\n', '\n    ')}\n`;
}

/** Mocha loads this before the tests. It prints the programs that ran during a failed test. */
export const mochaHooks = {
  afterEach(this: Mocha.Context): void {
    const started = Program.takeStarted();
    if (this.currentTest?.state !== 'failed') {
      return;
    }
    for (const program of started) {
      const state = program.hasEnded ? 'has ended' : 'is running';
      process.stderr.write(
        `${program.name} ${state}\n${lastOf('stdout', program.stdout)}${lastOf('stderr', program.stderr)}`,
      );
    }
  },
};
