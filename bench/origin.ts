import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from '../test/support/cluster.js';
import { GitServer } from '../test/support/git-server.js';
import { GitProject } from '../test/support/project.js';
import { benchOptions } from './support/options.js';
import { Report } from './support/report.js';
import { round } from './support/statistics.js';

/*
 * The load of a repository by a build on 1 and on 8 slaves that all take part: requests, and bytes of responses. It is
 * measured with and without `get_project_from_master` and submodules, for a first build and for one after a small commit.
 *
 *   node dist/bench/origin.js [--quick] [--json FILE]
 */

const options = benchOptions(1);
const report = new Report('origin', options);
const FILES = options.quick ? 20 : 500;
const MANY_SLAVES = options.quick ? 2 : 8;
const FILE_BYTES = 8 * 1024;
const SUBMODULES = 3;

interface Row {
  readonly slaves: number;
  readonly fromMaster: boolean;
  readonly submodules: number;
  readonly build: 'first' | 'after a commit';
  readonly requests: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** Each atom waits until every slave runs one, so that all slaves need the project. */
function job(slaves: number, meeting: string): string {
  return `
Meet:
    max_executors_per_slave: 1
    atomizers:
        - TOKEN: seq ${slaves}
    commands:
        - mkdir -p ${meeting}/$BUILD_ID && touch ${meeting}/$BUILD_ID/$TOKEN
        - for i in $(seq 1200); do [ $(ls ${meeting}/$BUILD_ID | wc -l) -lt ${slaves} ] || break; sleep 0.1; done
        - test $(ls ${meeting}/$BUILD_ID | wc -l) -eq ${slaves}
`;
}

/** Adds as many submodules, each a repository of the same host with one file. */
async function addSubmodules(project: GitProject, hosted: string, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const name = `library-${number}`;
    const library = await GitProject.create(join(hosted, name), {
      file: randomBytes(FILE_BYTES / 2).toString('hex'),
    });
    const commit = await library.git('rev-parse', 'HEAD');
    // Otherwise it would not be in the next commit.
    mkdirSync(join(project.directory, name));
    await project.git('config', '--file', '.gitmodules', `submodule.${name}.path`, name);
    await project.git('config', '--file', '.gitmodules', `submodule.${name}.url`, `../../${name}/.git`);
    await project.git('update-index', '--add', '--cacheinfo', `160000,${commit},${name}`);
  }
  await project.commit({});
}

async function measure(slaves: number, fromMaster: boolean, submodules: number): Promise<Row[]> {
  const cluster = await Cluster.create();
  const hosted = join(cluster.root, 'hosted');
  const project = await GitProject.create(join(hosted, 'project'), {
    'clusterrunner.yaml': job(slaves, join(cluster.cwd, 'meeting')),
    ...Object.fromEntries(
      Array.from({ length: FILES }, (_, index) => [
        `files/${index}`,
        randomBytes(FILE_BYTES / 2).toString('hex'),
      ]),
    ),
  });
  await addSubmodules(project, hosted, submodules);
  const host = await GitServer.start(hosted);
  try {
    await cluster.startMaster();
    const env = { CLUSTERRUNNER_GET_PROJECT_FROM_MASTER: String(fromMaster) };
    await Promise.all(Array.from({ length: slaves }, () => cluster.startSlave(1, { env })));
    const build = async (which: Row['build']): Promise<Row> => {
      host.forget();
      const start = process.hrtime.bigint();
      const args = ['--url', `${host.url}/project/.git`, '-j', 'Meet'];
      const { exitCode, stdout, stderr } = await cluster.build(args);
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      if (exitCode !== 0) {
        throw new Error(`A build failed.\n${stdout}\n${stderr}`);
      }
      return {
        slaves,
        fromMaster,
        submodules,
        build: which,
        requests: host.requests,
        bytes: host.bytes,
        seconds,
      };
    };
    const first = await build('first');
    await project.commit({ 'files/0': 'changed\n' });
    return [first, await build('after a commit')];
  } finally {
    await cluster.stop();
    await host.close();
  }
}

const rows: Row[] = [];
for (const fromMaster of [true, false]) {
  if (!options.quick) {
    rows.push(...(await measure(1, fromMaster, 0)), ...(await measure(MANY_SLAVES, fromMaster, 0)));
  }
  rows.push(...(await measure(MANY_SLAVES, fromMaster, SUBMODULES)));
}
report.table(
  `Asked of the host of a repository of ${FILES} files of ${FILE_BYTES} bytes`,
  rows.map(({ slaves, fromMaster, submodules, build, requests, bytes, seconds }) => ({
    slaves,
    get_project_from_master: String(fromMaster),
    submodules,
    build,
    requests,
    KiB: Math.round(bytes / 1024),
    seconds: round(seconds, 1),
  })),
);
report.end();
