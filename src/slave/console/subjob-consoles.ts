import type { PathAliases } from '../../lib/text/path-aliases.js';
import type { Redactor } from '../../lib/text/redactor.js';
import type { AtomId } from '../../protocol/ids.js';
import { ConsoleRecorder } from './console-recorder.js';
import { ConsoleStore } from './console-store.js';

/** The consoles of a subjob's atoms. */
export class SubjobConsoles {
  readonly #store: ConsoleStore;
  readonly #maxBytes: number;
  readonly #redactor: Redactor;
  readonly #paths: PathAliases;
  readonly #recorders = new Map<AtomId, ConsoleRecorder>();

  /** `path`: see ConsoleStore. `maxBytes`: of one console. `paths` are replaced in what atoms print. */
  constructor(path: string, maxBytes: number, redactor: Redactor, paths: PathAliases) {
    this.#store = new ConsoleStore(path);
    this.#maxBytes = maxBytes;
    this.#redactor = redactor;
    this.#paths = paths;
  }

  /** To be called when an atom begins. One atom runs at a time. */
  begin(atom: AtomId): ConsoleRecorder {
    const recorder = new ConsoleRecorder(this.#store, this.#maxBytes, this.#redactor, this.#paths);
    this.#recorders.set(atom, recorder);
    return recorder;
  }

  /** @throws Error for an atom that has not begun */
  of(atom: AtomId): ConsoleRecorder {
    const recorder = this.#recorders.get(atom);
    if (recorder === undefined) {
      throw new Error(`Atom ${atom} has not begun.`);
    }
    return recorder;
  }

  /** Nothing can be read afterwards. */
  close(): void {
    this.#store.close();
  }
}
