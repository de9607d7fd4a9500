import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import type { MasterClient } from '../../src/client/master-client.js';
import type { Build } from '../../src/protocol/build/build.js';
import type { Atom } from '../../src/protocol/build/work.js';
import { messageOf } from '../../src/protocol/errors.js';
import { atomFolder } from '../../src/protocol/ids.js';
import type { Diary } from './diary.js';
import type { ExpectedAtom } from './plans.js';
import type { StoreFacts } from './store-facts.js';
import type { World } from './world.js';

/** The note of the master about an atom with a reported verdict and undelivered results. */
const UNDELIVERED = 'files of ARTIFACT_DIR are missing';

/**
 * The archive holds each atom's folder once, with the expected files and output. Without `expected` (the build
 * ended before its atoms) it holds folders of the atoms that have a verdict. It may hold one more, without an exit
 * code, of an atom that was running.
 */
export async function checkArchive(
  world: World,
  build: Build,
  atoms: readonly Atom[],
  expected: readonly ExpectedAtom[] | null,
  facts: StoreFacts,
  diary: Diary,
): Promise<void> {
  const wrong = (what: string) => diary.violation(`The archive of build ${build.id} ${what}.`);
  let files: Map<string, string>;
  try {
    files = await readArchive(world.observer, build, wrong);
  } catch (error) {
    wrong(`cannot be read: ${messageOf(error)}`);
    return;
  }
  const known = new Set<string>(['failures.txt']);
  atoms.forEach((atom, index) => {
    const folder = atomFolder(atom.subjob_id, atom.id);
    const isThere = files.has(`${folder}/clusterrunner_exit_code`);
    const shouldBe = atom.outcome === 'PASSED' || atom.outcome === 'FAILED';
    if (isThere !== shouldBe) {
      wrong(
        `${isThere ? 'has' : 'lacks'} the exit code of ${folder}, whose atom is ${atom.outcome ?? atom.state} (${atom.error})`,
      );
    }
    if (isThere) {
      const isKept = files.get(`${folder}/clusterrunner_notes`)?.includes(UNDELIVERED) === true;
      if (isKept && build.state === 'FINISHED' && facts.losses(build.id, atom.subjob_id) < 3) {
        wrong(`has of ${folder} what was reported, although its results were delivered`);
      }
      for (const problem of problemsOf(files, folder, build, atom, expected?.[index], isKept)) {
        wrong(`has in ${folder} ${problem}`);
      }
    }
    const folders = foldersOf(files, atom);
    const ended = [...folders].filter((name) => files.has(`${name}/clusterrunner_exit_code`));
    // An atom that ran again has a folder for each run.
    const right = (shouldBe ? 1 : 0) + atom.num_retries;
    if (ended.length !== right) {
      wrong(`has ${ended.length} folders of atom ${atom.id} instead of ${right}: ${ended.join(', ')}`);
    }
    // Output of a run that the end of the build cut off.
    const cut = [...folders].filter((name) => !ended.includes(name));
    if (cut.length > (build.state === 'FINISHED' ? 0 : 1)) {
      wrong(`has folders of atom ${atom.id} without an exit code: ${cut.join(', ')}`);
    }
    for (const name of folders) {
      if (!(files.get(`${name}/clusterrunner_command`) ?? '').startsWith('#!/bin/sh\n')) {
        wrong(`has no script in ${name} that reruns its atom`);
      }
    }
    for (const name of files.keys()) {
      if (folders.has(name.split('/')[0] ?? '')) {
        known.add(name);
      }
    }
  });
  const failed = atoms
    .filter(({ outcome }) => outcome === 'FAILED' || outcome === 'LOST')
    .map((atom) => `${atomFolder(atom.subjob_id, atom.id)}\n`);
  const listed = files.get('failures.txt') ?? '';
  if ([...listed.matchAll(/.*\n/g)].map(String).sort().join('') !== failed.sort().join('')) {
    wrong(`lists as failed ${JSON.stringify(listed)} instead of ${JSON.stringify(failed.join(''))}`);
  }
  const strange = [...files.keys()].filter((name) => !known.has(name));
  if (strange.length > 0) {
    wrong(`has files of no atom: ${strange.join(', ')}`);
  }
}

function foldersOf(files: ReadonlyMap<string, string>, { id }: Atom): Set<string> {
  const folders = [...files.keys()].map((name) => name.split('/')[0] ?? '');
  return new Set(folders.filter((folder) => /^artifact_\d+_(\d+)$/.exec(folder)?.[1] === String(id)));
}

function problemsOf(
  files: ReadonlyMap<string, string>,
  folder: string,
  build: Build,
  atom: Atom,
  expected: ExpectedAtom | undefined,
  isKept: boolean,
): string[] {
  if (expected === undefined) {
    return [];
  }
  if (expected.console === null) {
    const code = files.get(`${folder}/clusterrunner_exit_code`);
    return code === `${atom.exit_code}\n` ? [] : [`the exit code ${short(code)} (${expected.value})`];
  }
  if (isKept) {
    const console = files.get(`${folder}/clusterrunner_console_output`);
    const isPart = console !== undefined && expected.console.includes(console);
    return isPart
      ? []
      : [`a console that is no part of what the atom prints: ${short(console)} (${expected.value})`];
  }
  const right: Record<string, string> = {
    proof: `${expected.value} of build ${build.id}\n`,
    clusterrunner_exit_code: `${atom.exit_code}\n`,
    clusterrunner_console_output: expected.console,
    ...(expected.bigBytes === null ? {} : { big: '\0'.repeat(expected.bigBytes) }),
  };
  return Object.entries(right).flatMap(([name, content]) => {
    const found = files.get(`${folder}/${name}`);
    return found === content
      ? []
      : [`${name} as ${short(found)} instead of ${short(content)} (${expected.value})`];
  });
}

function short(content: string | undefined): string {
  return content === undefined ? 'nothing' : `${content.length} bytes ${JSON.stringify(content.slice(-80))}`;
}

/** Path to content of all files. */
async function readArchive(
  client: MasterClient,
  build: Build,
  wrong: (what: string) => void,
): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const { stream } = await client.openArtifacts(build.id);
  for await (const entry of stream.pipe(createGunzip()).pipe(extract())) {
    const content = await text(entry);
    if (entry.header.type === 'file') {
      if (files.has(entry.header.name)) {
        wrong(`has ${entry.header.name} twice`);
      }
      files.set(entry.header.name, content);
    }
  }
  return files;
}
