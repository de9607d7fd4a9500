import { constants, openSync } from 'node:fs';
import Module from 'node:module';
import { join, resolve } from 'node:path';

/** The descriptor that the options of node name as destination of the report. */
const REPORT = 3;

/** Runs a file as `node FILE` does, which has the verdict of `node --test FILE`. */
export class NodeTestTool {
  #junit;
  missingFlags = [];

  static async load({ junit }) {
    await import('node:test');
    return new NodeTestTool(junit);
  }

  constructor(junit) {
    this.#junit = junit;
  }

  run({ value, artifact_dir }) {
    if (this.#junit) {
      const { O_CREAT, O_TRUNC, O_WRONLY } = constants;
      const opened = openSync(join(artifact_dir, 'node.xml'), O_CREAT | O_TRUNC | O_WRONLY);
      if (opened !== REPORT) {
        throw new Error(`Descriptor ${REPORT} was taken by something else while the report was opened.`);
      }
      // Processes that tests fork would write to it too.
      process.execArgv = process.execArgv.filter((flag) => !flag.startsWith('--test-reporter'));
    }
    process.argv = [process.execPath, resolve(value)];
    Module.runMain(process.argv[1]);
  }
}
