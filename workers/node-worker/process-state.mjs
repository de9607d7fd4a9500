/** The parts of a process that test files change most often, and that can be restored after a file. */
export class ProcessState {
  #environment = { ...process.env };
  #folder = process.cwd();
  #mask = process.umask();
  #argv = process.argv;
  #listeners = new Map();

  noteListeners() {
    this.#listeners = new Map(process.eventNames().map((name) => [name, process.rawListeners(name)]));
  }

  /** Calls the listeners of a file for the end of its process. Returns the exit code. */
  endedWith() {
    const known = new Set(this.#listeners.get('exit'));
    for (const listener of process.rawListeners('exit')) {
      if (!known.has(listener)) {
        process.removeListener('exit', listener);
        listener.call(process, process.exitCode ?? 0);
      }
    }
    return process.exitCode ?? 0;
  }

  restore() {
    for (const name of Object.keys(process.env)) {
      if (!(name in this.#environment)) {
        delete process.env[name];
      }
    }
    Object.assign(process.env, this.#environment);
    process.chdir(this.#folder);
    process.umask(this.#mask);
    process.argv = this.#argv;
    process.exitCode = undefined;
    for (const name of process.eventNames()) {
      const known = this.#listeners.get(name) ?? [];
      for (const listener of process.rawListeners(name)) {
        if (!known.includes(listener)) {
          process.removeListener(name, listener);
        }
      }
    }
    for (const [name, listeners] of this.#listeners) {
      const present = process.rawListeners(name);
      for (const listener of listeners) {
        if (!present.includes(listener)) {
          process.on(name, listener);
        }
      }
    }
  }
}
