import { existsSync, mkdirSync } from 'node:fs';
import { KeyedMutex } from '../../lib/async/keyed-mutex.js';
import { blockGzip } from '../../lib/formats/block-gzip.js';
import { fileEntry, tarHeader } from '../../lib/formats/tar-header.js';
import { removeFile } from '../../lib/fs/remove-file.js';
import { type AtomId, atomFolder, type BuildId, type SubjobId, toId } from '../../protocol/ids.js';
import {
  COMMAND_FILE,
  CONSOLE_FILE,
  EXIT_CODE_FILE,
  NOTES_FILE,
  TIME_FILE,
} from '../../protocol/results/archive-names.js';
import { BLOCK_BYTES } from '../../protocol/results/result-index.js';
import { ArchiveKeeper, keptArchivePath } from '../archives/archive-files.js';
import { incomingPath } from '../archives/incoming/incoming-archive.js';
import { IncomingFile } from '../archives/incoming/incoming-file.js';
import { rerunScriptsOf } from '../archives/rerun-scripts.js';
import type { LiveConsoles } from '../consoles/live.js';
import type { MasterState } from '../state/master-state.js';
import { findBuild, readJobColumn } from '../store/builds.js';
import { type UndeliveredAtom, undeliveredAtoms, undeliveredSubjobs } from '../store/undelivered.js';

/** The compression level that slaves use. */
const LEVEL = 1;
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;
const SCRIPT_MODE = 0o755;

export interface KeptArchive {
  readonly subjob: SubjobId;
  readonly path: string;
}

/**
 * The results of atoms that no slave delivered: the slave was lost, or the build ended, after it had reported a verdict or
 * while the atom ran. The master has the report, and the part of the console that it has seen. It makes an archive
 * of these when the results of the ended build are first requested. Nothing of that build changes any more, so an archive
 * that a crash has destroyed is made again.
 */
export class KeptResults {
  readonly #master: MasterState;
  readonly #consoles: LiveConsoles;
  readonly #temporaryDirectory: string;
  readonly #madeIn: string;
  readonly #archives = new ArchiveKeeper();
  /** Making one holds a block and a console in memory, and is rare: one at a time. */
  readonly #turns = new KeyedMutex();

  /** `madeIn`: where archives that do not exist yet are put; beside the others unless given. */
  constructor(
    master: MasterState,
    consoles: LiveConsoles,
    temporaryDirectory: string,
    madeIn = master.resultsDirectory,
  ) {
    this.#master = master;
    this.#madeIn = madeIn;
    this.#consoles = consoles;
    this.#temporaryDirectory = temporaryDirectory;
  }

  /** The archives of an ended build, in order of subjob. @throws ClusterRunnerError UNAVAILABLE when the disk is full */
  async archivesOf(build: BuildId): Promise<KeptArchive[]> {
    const { store, resultsDirectory } = this.#master;
    const kept: KeptArchive[] = [];
    for (const subjob of await undeliveredSubjobs(store.db, build)) {
      const before = keptArchivePath(resultsDirectory, build, subjob);
      const path = existsSync(before) ? before : keptArchivePath(this.#madeIn, build, subjob);
      const isThere = existsSync(path) || (await this.#turns.run('', () => this.#make(build, subjob, path)));
      if (isThere) {
        kept.push({ subjob, path });
      }
    }
    return kept;
  }

  /** @returns false when there is nothing to put into it: interrupted atoms had printed nothing */
  async #make(build: BuildId, subjob: SubjobId, path: string): Promise<boolean> {
    if (existsSync(path)) {
      return true;
    }
    mkdirSync(this.#temporaryDirectory, { recursive: true, mode: 0o700 });
    const temporaryPath = incomingPath(this.#temporaryDirectory);
    const file = new IncomingFile(temporaryPath, (bytes) => this.#master.disk.requireSpaceFor(bytes));
    const options = { blockBytes: BLOCK_BYTES, level: LEVEL, onMember: () => undefined };
    let bytes = 0;
    try {
      for await (const member of blockGzip(this.#entriesOf(build, subjob), options)) {
        bytes += member.length;
        await file.write(member);
      }
      if (bytes > 0) {
        await file.end();
        await this.#archives.keep(temporaryPath, null, path);
      }
      return bytes > 0;
    } finally {
      await file.close();
      if (existsSync(temporaryPath)) {
        await removeFile(temporaryPath);
      }
    }
  }

  async *#entriesOf(build: BuildId, subjob: SubjobId): AsyncGenerator<Buffer> {
    const { db } = this.#master.store;
    const row = await findBuild(db, build);
    if (row === undefined || row.job === null || row.ended_at === null) {
      return;
    }
    const script = rerunScriptsOf(build, readJobColumn(row.job), subjob);
    const mtime = new Date(row.ended_at);
    for (const atom of await undeliveredAtoms(db, build, subjob)) {
      const id = toId.atom(atom.atom_id);
      const console = await this.#consoleOf(build, id, atom);
      if (console === null && atom.exit_code === null) {
        continue;
      }
      const { variable, value, exit_code, actual_time, executor_index } = atom;
      const buildExecutorIndex = executor_index ?? 0;
      // Only the result would have named the executor of the slave and the folder of the checkout.
      const facts = {
        atomId: id,
        variable,
        value,
        projectDirectory: null,
        executorIndex: 0,
        buildExecutorIndex,
      };
      const folder = atomFolder(subjob, id);
      const entry = (name: string, content: string | Buffer, mode = FILE_MODE) =>
        fileEntry(`${folder}/${name}`, Buffer.from(content), mode, mtime);
      yield tarHeader({ path: `${folder}/`, type: 'Directory', size: 0, mode: FOLDER_MODE, mtime });
      yield* entry(COMMAND_FILE, script(facts), SCRIPT_MODE);
      yield* exit_code === null ? [] : entry(EXIT_CODE_FILE, `${exit_code}\n`);
      yield* actual_time === null ? [] : entry(TIME_FILE, `${actual_time.toFixed(2)}\n`);
      yield* entry(CONSOLE_FILE, console ?? '');
      yield* entry(NOTES_FILE, noteOn(atom));
    }
  }

  async #consoleOf(build: BuildId, atom: AtomId, { lease_id }: UndeliveredAtom): Promise<Buffer | null> {
    return lease_id === null
      ? null
      : await this.#consoles.whole({ build, atom, lease: toId.lease(lease_id) });
  }
}

function noteOn({ exit_code, slave }: UndeliveredAtom): string {
  const when =
    exit_code === null ? 'The build ended while it ran' : 'It had ended, and its slave had reported that';
  const who = slave === null ? 'its slave' : JSON.stringify(slave);
  return (
    `${when}; ${who} was lost, or the build had ended, before the results were delivered. So files of ARTIFACT_DIR are ` +
    'missing, and the console holds what the master had seen of it: it may lack its end, and a long one its beginning.\n'
  );
}
