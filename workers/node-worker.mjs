// A worker for mocha and for node:test. docs/workers.md describes its options, and the protocol of workers.
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { completeReport } from './node-worker/node-test-report.mjs';
import { PreparedProcess } from './node-worker/prepared-process.mjs';

const REQUESTS = 3;
const RESPONSES = 4;
const USAGE = `usage: node "$CLUSTERRUNNER_WORKERS/node-worker.mjs" mocha [options] [-- options of mocha]
       node "$CLUSTERRUNNER_WORKERS/node-worker.mjs" test [options] [-- options of node]

options:
  --junit           write a report to $ARTIFACT_DIR
  --preload MODULE  load a module before the atoms; may be repeated
  --reuse           mocha only: run many files in one process
`;

function options() {
  const args = process.argv.slice(2);
  const split = args.indexOf('--');
  const { values, positionals } = parseArgs({
    args: split === -1 ? args : args.slice(0, split),
    allowPositionals: true,
    options: {
      junit: { type: 'boolean', default: false },
      preload: { type: 'string', multiple: true, default: [] },
      reuse: { type: 'boolean', default: false },
    },
  });
  const [tool = '', ...others] = positionals;
  if (!['mocha', 'test'].includes(tool) || others.length > 0) {
    throw new Error('Name the tool: mocha or test.');
  }
  if (values.reuse && tool === 'test') {
    throw new Error('node:test cannot run a second file in a process: leave out --reuse.');
  }
  return { ...values, tool, args: split === -1 ? [] : args.slice(split + 1) };
}

function say(message) {
  writeSync(RESPONSES, `${JSON.stringify(message)}\n`);
}

/** The verdict of `node --test FILE`. */
function verdictOf(config, { value, artifact_dir }, exitCode) {
  if (config.tool === 'mocha') {
    return exitCode;
  }
  if (config.junit) {
    completeReport(join(artifact_dir, 'node.xml'), resolve(value), exitCode);
  }
  return exitCode === 0 ? 0 : 1;
}

/** Starts the process of the next atom while one runs. */
async function serveAlone(config, requests) {
  let next = await PreparedProcess.start(config);
  say({ kind: 'ready', protocol: 1, isolation: 'process' });
  for await (const line of requests) {
    const request = JSON.parse(line);
    const current = await next;
    current.send(request);
    say({ kind: 'begun', request: request.request, process: current.pid });
    next = PreparedProcess.start(config);
    // Its failure counts when the next atom needs it.
    next.catch(() => undefined);
    const exit_code = verdictOf(config, request, await current.ended);
    say({ kind: 'ended', request: request.request, exit_code });
  }
}

/** Runs all atoms in one process. If it exits, its exit code is that of the atom, and the worker must be replaced. */
async function serveReused(config, requests) {
  const process = await PreparedProcess.start(config);
  say({ kind: 'ready', protocol: 1, isolation: 'none' });
  for await (const line of requests) {
    const { request, ...rest } = JSON.parse(line);
    process.send(rest);
    say({ kind: 'begun', request });
    const end = await Promise.race([process.nextLine(), process.ended]);
    say({ kind: 'ended', request, exit_code: typeof end === 'number' ? end : end.exit_code });
    if (typeof end === 'number') {
      return;
    }
  }
}

async function main() {
  let config;
  try {
    config = options();
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
  const requests = createInterface({ input: new Socket({ fd: REQUESTS, writable: false }) });
  await (config.reuse ? serveReused : serveAlone)(config, requests);
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
