import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import type { Program } from '../support/processes.js';
import { writeFiles } from '../support/project.js';

const FILES = 50_000;
const MIB = 256;
/** Far below the size of lists of so many files. */
const LITTLE_MIB = 64;
/** Buffers for reading are collected whenever the runtime has time for it. */
const PART_OF_FILE_MIB = MIB / 2;
const job = `Small:
    atomizers: [{N: seq 1}]
    commands: ["true"]
Many:
    atomizers: [{N: seq 1}]
    commands: ["cd $ARTIFACT_DIR && seq ${FILES} | xargs touch"]
Large:
    atomizers: [{N: seq 1}]
    commands: ["head -c ${MIB}M /dev/urandom > $ARTIFACT_DIR/large"]
`;

/** The peak memory of a process, MiB; 0 when it is gone. */
function peakOf(pid: number): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) / 1024;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) {
      return 0;
    }
    throw error;
  }
}

describe('the memory of master, slave and client', function () {
  // The duration is not tested, however busy the machine is.
  this.timeout(600_000);
  let cluster: Cluster;
  let slave: Program;
  before(async () => {
    cluster = await Cluster.create();
    await cluster.startMaster();
    slave = await cluster.startSlave(1);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': job });
  });
  after(() => cluster.stop());

  /** Builds, and returns the peaks of all processes, MiB. */
  async function peaksAfter(name: string) {
    const build = cluster.startBuild(['-j', name]);
    let client = 0;
    for (
      let isOver = false;
      !isOver;
      isOver = await Promise.race([build.ended.then(() => true), sleep(20, false)])
    ) {
      client = Math.max(client, peakOf(build.pid));
    }
    const { exitCode, stderr } = await build.ended;
    expect(exitCode, stderr).to.equal(0);
    return { master: peakOf(cluster.master.program.pid), slave: peakOf(slave.pid), client };
  }

  it(`grows by a fraction of the results when an atom leaves ${FILES} files or ${MIB} MiB`, async () => {
    const small = await peaksAfter('Small');
    expect(Math.min(...Object.values(small))).to.be.greaterThan(0);

    const many = await peaksAfter('Many');
    expect(readdirSync(join(cluster.cwd, 'build_results', cluster.folder(0)))).to.have.length(FILES + 4);
    expect(many.slave - small.slave, 'slave, many files').to.be.lessThan(LITTLE_MIB);
    expect(many.client - small.client, 'client, many files').to.be.lessThan(LITTLE_MIB);
    expect(many.master - small.master, 'master, many files').to.be.lessThan(LITTLE_MIB);

    const large = await peaksAfter('Large');
    const file = join(cluster.cwd, 'build_results', cluster.folder(0), 'large');
    expect(statSync(file).size).to.equal(MIB * 1024 ** 2);
    expect(large.slave - small.slave, 'slave, a large file').to.be.lessThan(PART_OF_FILE_MIB);
    expect(large.client - small.client, 'client, a large file').to.be.lessThan(PART_OF_FILE_MIB);
    expect(large.master - small.master, 'master, a large file').to.be.lessThan(PART_OF_FILE_MIB);
  });
});
