import { existsSync, readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { reportTo } from './mocha-report.mjs';

/** The mocha of the project, whose own command line runs each file. */
export class MochaTool {
  #args;
  #junit;
  #parts;
  /** Options of node in the settings of mocha that this process does not have. */
  missingFlags = [];

  /** Loads mocha and the modules that its settings require. @throws Error without a mocha that it knows, and for options that forbid reuse */
  static async load({ args, junit, reuse, flags = [] }) {
    const tool = new MochaTool(args, junit, await loadParts());
    const options = tool.#parts.loadOptions(args);
    if (reuse && options.file?.length > 0) {
      throw new Error(
        'mocha has the option "file", whose hooks would apply to the first file alone: leave out --reuse, or move them to root hooks.',
      );
    }
    if (flags.length === 0) {
      tool.missingFlags = tool.#nodeFlags(options);
    }
    if (tool.missingFlags.length === 0) {
      await tool.#loadRequired(options.require ?? []);
    }
    return tool;
  }

  constructor(args, junit, parts) {
    this.#args = args;
    this.#junit = junit;
    this.#parts = parts;
  }

  get Runner() {
    return this.#parts.Mocha.Runner;
  }

  /** Goes on as mocha's program does when it has read its arguments. `adjust` may change the options. */
  run({ value, artifact_dir }, adjust = () => undefined) {
    const { main, loadOptions, isNodeFlag, program, isModule } = this.#parts;
    process.argv = [process.execPath, program, ...this.#args, value];
    if (!isModule) {
      process.mainModule = Object.assign(new Module(program), { filename: program, loaded: true });
    }
    if (this.#junit) {
      reportTo(join(artifact_dir, 'mocha.xml'), this.Runner);
    }
    const options = Object.entries(loadOptions(process.argv.slice(2))).filter(
      ([name]) => name !== 'node-option' && !isNodeFlag(name),
    );
    // One file is not shared out to processes.
    const mochaOptions = { ...Object.fromEntries(options), parallel: false };
    adjust(mochaOptions);
    main([], mochaOptions);
  }

  /** As mocha itself starts another process with them. */
  #nodeFlags(options) {
    const { isNodeFlag, unparseNodeFlags } = this.#parts;
    const named = options['node-option'];
    if (named !== undefined) {
      return named.map((flag) => `--${flag}`);
    }
    const flags = Object.entries(options)
      .filter(([name]) => isNodeFlag(name))
      .map(([name, flag]) => [/^v8-(?!options$)/.test(name) ? name.slice(3) : name, flag]);
    return unparseNodeFlags(Object.fromEntries(flags));
  }

  /** A module that cannot be loaded is no failure here: mocha loads it again for the atom, and reports it there. */
  async #loadRequired(names) {
    for (const name of names) {
      const path = existsSync(name) || existsSync(`${name}.js`) ? resolve(name) : name;
      try {
        await this.#parts.requireOrImport(path);
      } catch (error) {
        process.stderr.write(`${name} could not be loaded in advance: ${error?.stack ?? error}\n`);
      }
    }
  }
}

async function loadParts() {
  const fromProject = createRequire(join(process.cwd(), 'package.json'));
  const file = packageOf(fromProject);
  const { bin, type, version } = JSON.parse(readFileSync(file, 'utf8'));
  const load = async (name) => {
    const path = ['.js', '.cjs'].map((end) => join(dirname(file), 'lib', name + end)).find(existsSync);
    if (path === undefined) {
      throw new Error(`The worker cannot run mocha ${version}: it has no lib/${name}.`);
    }
    const loaded = await import(pathToFileURL(path));
    return { ...loaded.default, ...loaded };
  };
  const { main } = await load('cli/cli');
  const { loadOptions } = await load('cli/options');
  const { isNodeFlag, unparseNodeFlags } = await load('cli/node-flags');
  const { requireOrImport } = await load('nodejs/esm-utils');
  const { default: Mocha } = await load('mocha');
  const program = join(dirname(file), bin.mocha);
  const isModule = type === 'module';
  return { main, loadOptions, isNodeFlag, unparseNodeFlags, requireOrImport, Mocha, program, isModule };
}

function packageOf(fromProject) {
  try {
    return fromProject.resolve('mocha/package.json');
  } catch (error) {
    throw new Error(`The project has no mocha in node_modules: install it. (${error.code})`);
  }
}
