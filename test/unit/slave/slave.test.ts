import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import { pino } from 'pino';
import { systemClock } from '../../../src/lib/clock.js';
import { containment } from '../../../src/process/containment/containment.js';
import { groupIsAlive } from '../../../src/process/containment/process-group.js';
import type { JobDefinition } from '../../../src/protocol/build/job.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';
import { toId } from '../../../src/protocol/ids.js';
import { unlimited } from '../../../src/protocol/results/result-limits.js';
import {
  type PrepareAssignment,
  ProgressSchema,
  ResultReportSchema,
  type RunAssignment,
} from '../../../src/protocol/slave/slave-messages.js';
import { type SlaveHandle, startSlave } from '../../../src/slave/slave.js';
import { type FakeMaster, startFakeMaster } from '../../support/fake-master.js';
import { noWork } from '../../support/fake-service.js';
import { until } from '../../support/until.js';

const build_id = toId.build(1);
const subjob_id = toId.subjob(0);
const lease = { lease_id: toId.lease(7), attempt: toId.attempt(1) };

describe('a slave', () => {
  let master: FakeMaster;
  let home: string;
  let project: string;
  let slave: SlaveHandle | null;

  beforeEach(async () => {
    master = await startFakeMaster();
    master.service.leases.add(lease.lease_id);
    home = mkdtempSync(join(tmpdir(), 'slave-'));
    project = join(home, 'project');
    mkdirSync(project);
    slave = null;
  });
  afterEach(async () => {
    await slave?.stop();
    await master.close();
    rmSync(home, { recursive: true });
  });

  async function start(secret = master.secret, masterUrl = master.url, port: number | null = null) {
    slave = await startSlave({
      masterUrl,
      secret,
      name: 'tester',
      numExecutors: 2,
      root: join(home, 'root'),
      port,
      portIsExplicit: false,
      address: '127.0.0.1',
      gitStrictHostKeyChecking: false,
      workspacesKept: 2,
      reuseShells: true,
      dependencyCacheMaxBytes: 0,
      remoteFileLimits: { remoteFileMaxBytes: 1024 ** 2, remoteFilesTimeout: 60 },
      getProjectFromMaster: true,
      env: { PATH: process.env.PATH, CLUSTERRUNNER_SECRET: 'not for tests' },
      envPassthrough: [],
      redact: [],
      clock: systemClock,
      random: Math.random,
      log: pino({ level: 'silent' }),
    });
  }

  const files = () => ({
    lease,
    build_id,
    project: { type: 'directory', project_directory: project } as const,
    remote_files: [],
  });

  function runOf(definition: Partial<JobDefinition>, values: readonly string[] = ['a']): RunAssignment {
    return {
      kind: 'run',
      limits: unlimited,
      ...files(),
      subjob_id,
      job: { name: 'Job', definition: { commands: [':'], atomizers: [{ VALUE: ':' }], ...definition } },
      build_executor_index: 0,
      atoms: values.map((value, id) => ({ id: toId.atom(id), variable: 'VALUE', value })),
      expected_seconds: null,
    };
  }

  function prepareOf(more: Partial<PrepareAssignment>): PrepareAssignment {
    return { kind: 'prepare', ...files(), job_name: null, config: null, atoms_override: null, ...more };
  }

  function handOut(assignment: RunAssignment | PrepareAssignment): void {
    master.service.respondWithWork({ ...noWork, assignments: [assignment] });
  }

  const changes = (what: string) => master.service.changes.filter((change) => change.what === what);
  const said = (what: string) => changes(what).map((change) => change.said);

  it('shows the URL of its master without the password', async () => {
    await start(master.secret, master.url.replace('://', '://user:password@'), 0);
    const status = await (await fetch(`http://127.0.0.1:${slave?.port}/v1`)).text();
    expect(status).to.contain('"master_url"').and.not.to.contain('password');
    expect(status).to.contain(new URL(master.url).host);
  });

  it('registers, and polls with all its executors', async () => {
    await start();
    await until(() => changes('askForWork').length > 0);
    expect(said('registerSlave')[0]).to.include({ name: 'tester', num_executors: 2, url: null });
    expect(said('askForWork')[0]).to.deep.include({
      free_executors: 2,
      leases: [],
      builds: [],
      open_polls: [],
    });
  });

  it('starts whatever builds have put in the place of its own files and folders', async () => {
    const root = join(home, 'root');
    const elsewhere = join(home, 'elsewhere');
    mkdirSync(join(root, 'instance/in it'), { recursive: true });
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'precious'), '');
    writeFileSync(join(root, 'outbox'), 'no folder');
    for (const name of ['work', 'builds', 'idle', 'mirrors', 'unremovable']) {
      symlinkSync(elsewhere, join(root, name));
    }
    await start();
    await until(() => changes('askForWork').length > 0);
    expect(readdirSync(elsewhere)).to.deep.equal(['precious']);
  });

  it("does not start with a secret that is not the master's", async () => {
    const error = await start('another secret').then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(ClusterRunnerError).and.to.have.property('code', 'UNAUTHENTICATED');
  });

  it('lists the atoms of a build, with the path of the checkout masked', async () => {
    const config = {
      commands: [':'],
      atomizers: [{ FILE: 'echo "$PROJECT_DIR/a b"; echo c' }, { N: 'seq 2' }],
    };
    handOut(prepareOf({ config, job_name: 'Mine' }));
    await start();
    await until(() => changes('reportPrepared').length === 1);
    expect(said('reportPrepared')[0]).to.deep.include({
      job: { name: 'Mine', definition: config },
      commit: null,
      atoms: [
        { variable: 'FILE', value: '$PROJECT_DIR/a b' },
        { variable: 'FILE', value: 'c' },
        { variable: 'N', value: '1' },
        { variable: 'N', value: '2' },
      ],
    });
  });

  it('uses the atoms of the request unchanged in the place of the atomizers', async () => {
    const config = { commands: [':'], atomizers: [{ N: 'exit 1' }, { M: 'exit 1' }] };
    handOut(prepareOf({ config, atoms_override: ['$PROJECT_DIR/a', { M: '$$PROJECT_DIR' }] }));
    await start();
    await until(() => changes('reportPrepared').length === 1);
    expect(said('reportPrepared')[0])
      .to.have.property('atoms')
      .that.deep.equals([
        { variable: 'N', value: '$PROJECT_DIR/a' },
        { variable: 'M', value: '$$PROJECT_DIR' },
      ]);
  });

  it('ends atomizers that take longer than the whole build may', async () => {
    const config = { commands: [':'], atomizers: [{ N: 'sleep 1000' }], build_timeout: 1 };
    handOut(prepareOf({ config, job_name: 'Slow' }));
    await start();
    await until(() => changes('reportPreparationFailed').length === 1);
    expect(JSON.stringify(said('reportPreparationFailed'))).to.contain(
      'The atomizers of the job Slow took longer than its build_timeout (1 s) and were ended.',
    );
  });

  it('reports why a build cannot be prepared, with what the atomizer printed', async () => {
    handOut(
      prepareOf({ config: { commands: [':'], atomizers: [{ N: 'echo some; echo words >&2; exit 3' }] } }),
    );
    await start();
    await until(() => changes('reportPreparationFailed').length === 1);
    expect(said('reportPreparationFailed')[0]).to.match(/N .*exited with 3.*\nsome\nwords/);
  });

  it('refuses atoms whose bytes cannot be passed on, and names the atomizer, the line and the bytes', async () => {
    const config = { commands: [':'], atomizers: [{ A: 'echo 1' }, { F: "printf 'a\\ncaf\\351.sh\\n'" }] };
    handOut(prepareOf({ config, job_name: 'Latin' }));
    await start();
    await until(() => changes('reportPreparationFailed').length === 1);
    expect(said('reportPreparationFailed')[0]).to.match(
      /^The atomizer F of the job Latin .*line 2 .* is not UTF-8: \$'caf\\xe9\.sh'/,
    );
  });

  it('reports a list of atoms that is longer than the master accepts as an error of the project', async () => {
    master.service.reportPrepared = async () => {
      throw new ClusterRunnerError('BODY_TOO_LARGE', 'Too large.');
    };
    handOut(prepareOf({ config: { commands: [':'], atomizers: [{ N: 'seq 5' }] } }));
    await start();
    await until(() => changes('reportPreparationFailed').length === 1);
    expect(said('reportPreparationFailed')[0]).to.match(/list of 5 atoms.*max_body_megabytes/);
    expect(changes('returnPreparation')).to.deep.equal([]);
  });

  it('reports a project without a job file', async () => {
    handOut(prepareOf({ job_name: 'Mine' }));
    await start();
    await until(() => changes('reportPreparationFailed').length === 1);
    expect(said('reportPreparationFailed')[0]).to.include('There is no clusterrunner.yaml');
  });

  it('runs the atoms of a subjob, those after a failed one too, and delivers verdicts and archive', async () => {
    handOut(
      runOf({ commands: ['echo "$VALUE" $CLUSTERRUNNER_SECRET', 'test "$VALUE" != bad'] }, ['a', 'bad', 'c']),
    );
    await start();
    await until(() => changes('acceptResult').length === 1);
    const [report] = said('acceptResult');
    expect(report).to.have.property('lease').that.deep.equals(lease);
    expect(report).to.have.property('atoms').with.length(3);
    expect(JSON.stringify(report)).to.match(
      /"id":0,"exit_code":0.*"id":1,"exit_code":1.*"id":2,"exit_code":0/,
    );
    expect(master.service.accepted.get('1/0')?.length).to.be.above(100);
    await until(() => readdirSync(join(home, 'root', 'outbox')).length === 0);
    await until(() => readdirSync(join(home, 'root', 'work')).length === 0);
  });

  it('gives each atom its folder, also when the atom before has removed it and the folder above', async () => {
    const remove =
      'if [ "$VALUE" = a ]; then cd /; rm -rf "$(dirname "$ARTIFACT_DIR")"; else echo x > "$ARTIFACT_DIR/x"; fi';
    handOut(runOf({ commands: [remove] }, ['a', 'b', 'c']));
    await start();
    await until(() => changes('acceptResult').length === 1);
    expect(said('acceptResult')[0])
      .to.have.property('atoms')
      .that.satisfies((atoms: readonly { exit_code: number }[]) =>
        atoms.every(({ exit_code }) => exit_code === 0),
      );
  });

  it('polls as soon as an executor is free, and names its leases', async () => {
    handOut(runOf({ commands: ['until test -e go; do sleep 0.01; done'] }));
    await start();
    const withFree = (free: number) => (change: unknown) =>
      typeof change === 'object' &&
      change !== null &&
      'free_executors' in change &&
      change.free_executors === free;
    await until(() => said('askForWork').some(withFree(1)));
    expect(said('askForWork').find(withFree(1))).to.deep.include({ leases: [lease] });
    const before = said('askForWork').length;
    writeFileSync(join(project, 'go'), '');
    await until(() => said('askForWork').slice(before).some(withFree(2)));
  });

  it('requests work ahead when a subjob is about to end', async () => {
    const waits = { commands: ['until test -e go; do sleep 0.01; done'] };
    handOut({ ...runOf(waits), expected_seconds: 0.1 });
    await start();
    const wanting = (ahead: number) => (change: unknown) =>
      typeof change === 'object' && change !== null && 'ahead' in change && change.ahead === ahead;
    await until(() => said('askForWork').some(wanting(1)));
    expect(said('askForWork').find(wanting(1))).to.deep.include({ free_executors: 1, leases: [lease] });
    writeFileSync(join(project, 'go'), '');
    await until(() => said('acceptResult').length === 1);
  });

  it('returns work that was requested ahead when no executor becomes free', async () => {
    const waits = { commands: ['until test -e go; do sleep 0.01; done'] };
    const leaseOf = (id: number) => ({ ...lease, lease_id: toId.lease(id) });
    for (const id of [101, 102, 103]) {
      master.service.leases.add(toId.lease(id));
      handOut({ ...runOf(waits), lease: leaseOf(id), expected_seconds: 0.1 });
    }
    await start();
    await until(() => said('returnLease').length === 1);
    expect(said('returnLease')[0]).to.deep.include({ lease: leaseOf(103), reason: 'not_begun' });
    writeFileSync(join(project, 'go'), '');
    await until(() => said('acceptResult').length === 2);
  });

  it('runs the setup once before the first atom, and the teardown once when the build is released', async () => {
    const job = {
      setup_build: ['echo setup >> log'],
      commands: ['echo $VALUE >> log'],
      teardown_build: ['echo teardown >> log'],
    };
    handOut(runOf(job, ['a', 'b']));
    await start();
    await until(() => changes('acceptResult').length === 1);
    const log = join(project, 'log');
    expect(readFileSync(log, 'utf8')).to.equal('setup\na\nb\n');
    master.service.respondWithWork({ ...noWork, release: [build_id] });
    await slave?.stop();
    expect(readFileSync(log, 'utf8')).to.equal('setup\na\nb\nteardown\n');
  });

  it('returns the lease when the setup fails, with the end of its output', async () => {
    handOut(runOf({ setup_build: ['echo no compiler here', 'exit 9'], commands: ['touch ran'] }));
    await start();
    await until(() => changes('returnLease').length === 1);
    expect(said('returnLease')[0]).to.deep.include({ lease, reason: 'setup_failed' });
    expect(JSON.stringify(said('returnLease')[0])).to.include('no compiler here');
    expect(existsSync(join(project, 'ran'))).to.equal(false);
  });

  it('reports about once a second what runs and what it has printed', async () => {
    handOut(runOf({ commands: ['echo so far', 'until test -e go; do sleep 0.01; done'] }));
    await start();
    await until(() => changes('reportProgress').length > 0);
    const content = Buffer.from('so far\n').toString('base64');
    expect(said('reportProgress')[0]).to.deep.equal({
      lease,
      atoms: [{ id: 0, state: 'IN_PROGRESS', exit_code: null, actual_time: null }],
      consoles: [{ atom_id: 0, offset: 0, content }],
    });
  });

  it('reports an atom that prints nothing with the next poll', async () => {
    handOut(runOf({ commands: ['until test -e go; do sleep 0.01; done'] }));
    await start();
    const atoms = [{ id: 0, state: 'IN_PROGRESS', exit_code: null, actual_time: null }];
    const reported = { build_id, subjob_id, lease, atoms };
    const tells = (change: unknown) => typeof change === 'object' && change !== null && 'progress' in change;
    await until(() => said('askForWork').some(tells));
    expect(said('askForWork').find(tells)).to.deep.include({ progress: [reported] });
    expect(changes('reportProgress')).to.deep.equal([]);
    writeFileSync(join(project, 'go'), '');
    await until(() => changes('acceptResult').length === 1);
  });

  it('reports when atoms and the setup began, and on which executor, to a master that takes it', async () => {
    const commands = ['echo "$VALUE"', 'sleep 0.05', 'until test -e go; do sleep 0.01; done'];
    const assignment = runOf({ setup_build: ['sleep 0.1'], commands }, ['a', 'b']);
    handOut({ ...assignment, takes: ['something newer', 'times'] });
    await start();
    await until(() => changes('reportProgress').length > 0);
    const progress = changes('reportProgress')[0]?.said;
    writeFileSync(join(project, 'go'), '');
    await until(() => changes('acceptResult').length === 1);
    const report = said('acceptResult')[0];
    if (!Value.Check(ProgressSchema, progress) || !Value.Check(ResultReportSchema, report)) {
      throw new Error('The reports are not those of the protocol.');
    }
    const { setup, atoms } = report;
    const [first, second] = atoms;
    expect(setup?.seconds).to.be.greaterThan(0.1);
    expect(first?.began).to.be.at.least((setup?.began ?? 0) + (setup?.seconds ?? 0));
    expect(second?.began).to.be.at.least((first?.began ?? 0) + (first?.actual_time ?? 0) - 0.01);
    expect(progress.executor_index).to.equal(report.ran_in.executor_index);
    expect(progress.atoms[0]?.began).to.equal(first?.began);
  });

  it('reports no times to a master that does not take them', async () => {
    handOut(runOf({ setup_build: ['sleep 0.1'] }));
    await start();
    await until(() => changes('acceptResult').length === 1);
    expect(JSON.stringify(said('acceptResult'))).not.to.match(/began|setup/);
  });

  it('ends the processes of a lease that is over, and delivers nothing of it', async () => {
    const ticks = 'while :; do echo tick; sleep 0.1; done';
    handOut(runOf({ commands: ['touch started', ticks] }));
    await start();
    await until(() => existsSync(join(project, 'started')));
    master.service.leases.clear();
    // The next report of progress is refused.
    await until(() => readdirSync(join(home, 'root', 'work')).length === 0);
    expect(changes('acceptResult')).to.deep.equal([]);
    expect(readdirSync(join(home, 'root', 'outbox'))).to.deep.equal([]);
  });

  it('drops a result whose lease is over', async () => {
    handOut(runOf({ commands: ['until test -e go; do sleep 0.01; done'] }));
    await start();
    await until(() => changes('askForWork').length > 1);
    master.service.leases.clear();
    writeFileSync(join(project, 'go'), '');
    await until(() => readdirSync(join(home, 'root', 'work')).length === 0);
    await until(() => readdirSync(join(home, 'root', 'outbox')).length === 0);
    expect(changes('acceptResult')).to.deep.equal([]);
  });

  it('returns the lease of a refused result, and says why', async () => {
    master.service.resultRefusal = new ClusterRunnerError('INVALID_REQUEST', 'The archive is odd.');
    handOut(runOf({}));
    await start();
    await until(() => changes('returnLease').length === 1);
    expect(said('returnLease')[0]).to.deep.include({
      lease,
      reason: 'could_not_run',
      output: 'The master refused the result: The archive is odd.',
    });
    await until(() => readdirSync(join(home, 'root', 'outbox')).length === 0);
  });

  it('keeps a result on the disk while the master is away, and the next slave there delivers it', async () => {
    handOut(runOf({ commands: ['until test -e go; do sleep 0.01; done'] }));
    await start();
    await until(() => changes('askForWork').length > 1);
    const { leases } = master.service;
    await master.close();
    writeFileSync(join(project, 'go'), '');
    await until(() => existsSync(join(home, 'root', 'outbox', '7.json')));
    await slave?.stop();
    const stopped = readFileSync(join(home, 'root', 'instance'), 'utf8').trim();
    expect(readdirSync(join(home, 'root', 'outbox')).sort()).to.deep.equal(['7.json', '7.tar.gz']);
    master = await startFakeMaster();
    for (const one of leases) {
      master.service.leases.add(one);
    }
    await start();
    await until(() => changes('acceptResult').length === 1);
    await until(() => readdirSync(join(home, 'root', 'outbox')).length === 0);
    await until(() => changes('registerSlave').length === 2);
    const whats = master.service.changes.map(({ what }) => what);
    expect(whats.indexOf('acceptResult')).to.be.lessThan(whats.lastIndexOf('registerSlave'));
    const [first, second] = said('registerSlave');
    expect(second).to.deep.include(first).and.to.have.property('replaces', stopped);
  });

  it('ends and returns what runs, and says goodbye, when it stops', async () => {
    handOut(runOf({ commands: ['touch started', 'sleep 1000'], teardown_build: ['touch torn-down'] }));
    await start();
    await until(() => existsSync(join(project, 'started')));
    await slave?.stop();
    expect(said('returnLease')[0]).to.deep.include({ lease, reason: 'stopping' });
    expect(changes('goodbyeSlave')).to.have.length(1);
    expect(existsSync(join(project, 'torn-down'))).to.equal(true);
  });

  it('finishes and delivers what it has, and leaves, when the master drains it', async () => {
    handOut(runOf({ commands: ['until test -e go; do sleep 0.01; done'] }));
    await start();
    await until(() => changes('askForWork').length > 1);
    master.service.respondWithWork({ ...noWork, drain: true });
    writeFileSync(join(project, 'go'), '');
    await slave?.done;
    expect(changes('acceptResult')).to.have.length(1);
    expect(changes('goodbyeSlave')).to.have.length(1);
  });

  it('registers again with a master that does not know it any more, and delivers what it has', async () => {
    handOut(runOf({ commands: ['until test -e go; do sleep 0.01; done'] }));
    await start();
    await until(() => changes('askForWork').length > 1);
    master.service.slaves.clear();
    writeFileSync(join(project, 'go'), '');
    await until(() => changes('acceptResult').length === 1);
    expect(changes('registerSlave')).to.have.length(2);
  });

  it('ends a running setup when it stops, and does not report it as failed', async () => {
    handOut(runOf({ setup_build: ['touch started', 'sleep 1000'], teardown_build: ['touch torn-down'] }));
    await start();
    await until(() => existsSync(join(project, 'started')));
    await slave?.stop();
    expect(changes('returnLease').map(({ said }) => said)).to.have.length(1);
    expect(said('returnLease')[0]).to.deep.include({ lease, reason: 'stopping' });
    expect(existsSync(join(project, 'torn-down'))).to.equal(true);
  });

  it('ends a running setup when the build is released', async () => {
    handOut(runOf({ setup_build: ['touch started', 'sleep 1000'], teardown_build: ['touch torn-down'] }));
    await start();
    await until(() => existsSync(join(project, 'started')));
    master.service.respondWithWork({ ...noWork, cancel: [lease], release: [build_id], drain: true });
    slave?.finish();
    await slave?.done;
    expect(changes('returnLease')).to.deep.equal([]);
    expect(existsSync(join(project, 'torn-down'))).to.equal(true);
  });

  /** Without its warden nobody knows any more who has started a process whose parent is gone. */
  const KILL_WARDEN = 'kill -9 $(cut -d " " -f 4 /proc/$PPID/stat); sleep 1000';

  it('ends processes of atoms whose warden was killed when the build is released', async function () {
    if ((await containment()).kind !== 'subreaper') {
      console.log('        skipped: there is no Linux with perl or python3');
      this.skip();
    }
    handOut(
      runOf({
        commands: [
          '(setsid sh -c \'trap "" TERM; echo $$ > pid; sleep 1000 & wait\' &)',
          'until test -s pid; do sleep 0.01; done',
          KILL_WARDEN,
        ],
      }),
    );
    await start();
    await until(() => changes('acceptResult').length === 1);
    const escaped = Number(readFileSync(join(project, 'pid'), 'utf8'));
    expect(groupIsAlive(escaped)).to.equal(true);
    master.service.respondWithWork({ ...noWork, release: [build_id] });
    await until(() => !groupIsAlive(escaped));
  });

  it('does not end atoms that begin while it ends processes of another build', async function () {
    if ((await containment()).kind !== 'subreaper') {
      console.log('        skipped: there is no Linux with perl or python3');
      this.skip();
    }
    // A process that it starts on TERM is found after its death.
    const leaving = "trap 'sleep 1000 & echo $! > heir' TERM; echo $$ > pid; while :; do sleep 0.01; done";
    handOut(
      runOf({
        commands: [
          `(setsid sh -c "${leaving.replaceAll('$', '\\$')}" &)`,
          'until test -s pid; do sleep 0.01; done',
          KILL_WARDEN,
        ],
      }),
    );
    await start();
    await until(() => changes('acceptResult').length === 1);
    const escaped = Number(readFileSync(join(project, 'pid'), 'utf8'));
    master.service.respondWithWork({ ...noWork, release: [build_id] });
    await until(() => existsSync(join(project, 'heir')));
    const later = { lease_id: toId.lease(8), attempt: toId.attempt(1) };
    master.service.leases.add(later.lease_id);
    const commands = ['touch started', 'until test -e go; do sleep 0.01; done'];
    handOut({ ...runOf({ commands }), build_id: toId.build(2), lease: later });
    await until(() => existsSync(join(project, 'started')));
    await until(() => !groupIsAlive(escaped));
    writeFileSync(join(project, 'go'), '');
    await until(() => changes('acceptResult').length === 2);
    expect(said('acceptResult')[1]).to.have.nested.property('atoms[0].exit_code', 0);
  });

  it('removes folders that an atom has made read-only, and goes on', async () => {
    const leave = 'mkdir "$ARTIFACT_DIR/ro"; touch "$ARTIFACT_DIR/ro/file"; chmod 555 "$ARTIFACT_DIR/ro"';
    handOut(runOf({ commands: [leave] }));
    await start();
    await until(() => changes('acceptResult').length === 1);
    await until(() => readdirSync(join(home, 'root', 'work')).length === 0);
  });

  it('starts although a result in its outbox is damaged, and drops that result', async () => {
    const outbox = join(home, 'root', 'outbox');
    mkdirSync(outbox, { recursive: true });
    for (const [name, content] of [
      ['7.json', ''],
      ['7.tar.gz', 'x'],
      ['8.json', '{}'],
      ['8.tar.gz', 'x'],
    ] as const) {
      writeFileSync(join(outbox, name), content);
    }
    await start();
    expect(readdirSync(outbox)).to.deep.equal([]);
  });

  it('does not name the lease of a lost result, so that the master has the work done again', async () => {
    handOut(runOf({ commands: ['until test -e go; do sleep 0.01; done'] }));
    await start();
    await until(() => changes('askForWork').length > 1);
    const { checkResultLease } = master.service;
    let refused = false;
    master.service.checkResultLease = () => {
      refused = true;
      throw new ClusterRunnerError('UNAVAILABLE', 'The disk is full.');
    };
    writeFileSync(join(project, 'go'), '');
    await until(() => refused);
    rmSync(join(home, 'root', 'outbox', '7.tar.gz'));
    master.service.checkResultLease = checkResultLease;
    const isEmpty = (change: unknown) =>
      typeof change === 'object' &&
      change !== null &&
      'leases' in change &&
      Array.isArray(change.leases) &&
      change.leases.length === 0;
    const before = said('askForWork').length;
    await until(() => said('askForWork').slice(before).some(isEmpty));
    expect(changes('acceptResult')).to.deep.equal([]);
  });
});
