import type { RecordedConsole } from '../../src/slave/archive/write-archive.js';
import type { SimulatedBuild } from '../../test/support/simulation/simulated-atom.js';

const LINES_IN_CHUNK = 2000;

/** Lines of the same length, so that the size is known without making them. */
function chunkFrom(first: number): Buffer {
  const lines = Array.from({ length: LINES_IN_CHUNK }, (_, n) => {
    const number = first + n;
    const hash = ((number * 2_654_435_761) >>> 0).toString(36).padStart(7, '0');
    return `${String(number).padStart(9, '0')} ${hash} a line of the output of a test\n`;
  });
  return Buffer.from(lines.join(''));
}

/** A console of at least so many mebibytes. */
function longConsole(mebibytes: number): RecordedConsole {
  const chunkBytes = chunkFrom(0).length;
  const chunks = Math.ceil((mebibytes * 1024 ** 2) / chunkBytes);
  return {
    size: chunks * chunkBytes,
    cutBytes: 0,
    async *content() {
      for (let chunk = 0; chunk < chunks; chunk += 1) {
        yield chunkFrom(chunk * LINES_IN_CHUNK);
      }
    },
  };
}

/** A build with one atom, which prints so many mebibytes. */
export function buildWithLongConsole(mebibytes: number): SimulatedBuild {
  const config = { commands: ['cat big'], atomizers: [{ FILE: 'echo big' }] };
  return {
    request: { type: 'directory', project_directory: '/project', job_name: 'Prints', config },
    jobName: 'Prints',
    atoms: [{ variable: 'FILE', value: 'big' }],
    preparationSeconds: 1,
    setupSeconds: 0,
    runAtom: () => ({ seconds: 60, exitCode: 0, output: longConsole(mebibytes) }),
  };
}
