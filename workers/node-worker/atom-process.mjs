// The process of an atom: loads the tool, waits for the atom, and becomes what a process of its own would be.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { attachConsole, closeChannel, readLine, sendLine } from './channel.mjs';
import { MochaTool } from './mocha-tool.mjs';
import { NodeTestTool } from './node-test-tool.mjs';
import { reuse } from './reuse.mjs';

const config = JSON.parse(process.argv[2]);
const fromProject = createRequire(join(process.cwd(), 'package.json'));
for (const name of config.preload) {
  await import(pathToFileURL(fromProject.resolve(name)));
}
const tool = await (config.tool === 'mocha' ? MochaTool : NodeTestTool).load(config);

if (tool.missingFlags.length > 0) {
  sendLine({ kind: 'flags', flags: tool.missingFlags });
  // The worker has read the line when it closes the channel.
  readLine();
  process.exit(0);
}
if (config.atom !== undefined) {
  tool.run(config.atom);
} else if (sendLine({ kind: 'ready' })) {
  if (config.reuse) {
    reuse(tool, config);
  } else {
    const request = readLine();
    if (request === null) {
      process.exit(0);
    }
    closeChannel();
    attachConsole(request.console);
    Object.assign(process.env, request.environment);
    tool.run(request);
  }
}
