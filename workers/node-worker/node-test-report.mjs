import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { attributesOf } from './xml.mjs';

const END = '</testsuites>';

/**
 * Adds the file itself as a test case, as `node --test` does: if it has no tests, its process has failed although
 * its tests have passed, or has ended before them.
 */
export function completeReport(report, file, exitCode) {
  const text = existsSync(report) ? readFileSync(report, 'utf8').trimEnd() : '';
  const isComplete = text.endsWith(END);
  if (isComplete && (exitCode === 0 || text.includes('<failure'))) {
    return;
  }
  const start = isComplete
    ? text.slice(0, -END.length)
    : '<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n';
  const tag = `\t<testcase${attributesOf({ name: file, time: '0', classname: 'test', file })}`;
  const message = `The process ended with exit code ${exitCode}.`;
  const failure = `>\n\t\t<failure${attributesOf({ type: 'testCodeFailure', message })}>${message}</failure>\n\t</testcase>\n`;
  writeFileSync(report, `${start}${tag}${exitCode === 0 ? '/>\n' : failure}${END}\n`);
}
