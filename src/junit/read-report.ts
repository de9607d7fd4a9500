import { closeSync, openSync, readSync } from 'node:fs';
import { type CaseSink, type ReportOutcome, ReportReader } from './report-reader.js';

const READ_BYTES = 256 * 1024;

/** Reads a file as long as it may be a JUnit report. @throws the file system's error */
export function readReport(file: string, sink: CaseSink | null = null): ReportOutcome {
  const reader = new ReportReader(sink);
  const fd = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    while (!reader.isOver) {
      const bytes = readSync(fd, buffer);
      if (bytes === 0) {
        break;
      }
      reader.push(buffer.subarray(0, bytes));
    }
    return reader.end();
  } finally {
    closeSync(fd);
  }
}
