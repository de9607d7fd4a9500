import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import Module from 'node:module';
import { constants } from 'node:os';
import { resolve, sep } from 'node:path';
import { attachConsole, readLine, sendLine } from './channel.mjs';
import { ProcessState } from './process-state.mjs';

const LIBRARIES = `${sep}node_modules${sep}`;
/** How long open handles may take to close by themselves after the last test, if mocha has the option `exit`. */
const EXIT_MS = 100;

/**
 * Runs one file after another in this process. A file has ended when nothing is left in the event loop, as at the end of a
 * process. If the process exits before, its exit code is the verdict, and the worker ends with it.
 */
export function reuse(tool, config) {
  const { exit } = process;
  const command = [...process.execArgv, process.argv[1]];
  const state = new ProcessState();
  const kept = new Set(Object.keys(Module._cache));
  const files = new Set();
  let atom = null;

  function next() {
    const request = readLine();
    if (request === null) {
      exit(0);
    }
    attachConsole(request.console);
    Object.assign(process.env, request.environment);
    atom = { request, isExiting: false, exitTimer: undefined };
    const file = resolve(request.value);
    const isKnown = files.has(file) || statSync(file, { throwIfNoEntry: false })?.isFile() !== true;
    files.add(file);
    if (isKnown) {
      runAlone();
      return;
    }
    watchRun();
    tool.run(request, (options) => {
      atom.isExiting = options.exit === true;
      options.exit = false;
    });
  }

  /** Looks at the next run of mocha before its first test, and after its last. */
  function watchRun() {
    const { run } = tool.Runner.prototype;
    tool.Runner.prototype.run = function (done, ...rest) {
      tool.Runner.prototype.run = run;
      if (this.total === 0 && files.size > 1) {
        // Modules that earlier files have imported do not register their tests again.
        this.dispose();
        runAlone();
        return this;
      }
      return run.call(
        this,
        (failures) => {
          done(failures);
          if (atom.isExiting) {
            atom.exitTimer = setTimeout(() => exit(), EXIT_MS).unref();
          }
        },
        ...rest,
      );
    };
  }

  /** Runs the atom in a new process, where this one could give it another verdict. */
  function runAlone() {
    const args = [...command, JSON.stringify({ ...config, reuse: false, atom: atom.request })];
    spawn(process.execPath, args, { stdio: 'inherit' }).on('exit', (code, signal) => {
      process.exitCode = code ?? 128 + constants.signals[signal];
    });
  }

  process.on('beforeExit', () => {
    if (process.listenerCount('beforeExit') > 1) {
      // The file has some, which may start more work. They decide, and then this process exits.
      return;
    }
    clearTimeout(atom.exitTimer);
    const exitCode = state.endedWith();
    state.restore();
    for (const name of Object.keys(Module._cache)) {
      if (!name.includes(LIBRARIES) && !kept.has(name)) {
        delete Module._cache[name];
      }
    }
    attachConsole('/dev/null');
    sendLine({ kind: 'ended', exit_code: exitCode });
    next();
  });
  state.noteListeners();
  next();
}
