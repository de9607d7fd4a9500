import type { Build, BuildRequest } from '../protocol/build.js';
import type { BuildId, SlaveId, SubjobId } from '../protocol/ids.js';
import type { AnswerOf } from '../protocol/route.js';
import { routes } from '../protocol/routes.js';
import type {
  Handback,
  LeaseRef,
  Prepared,
  Progress,
  Register,
  ResultReport,
  WorkAnswer,
  WorkRequest,
} from '../protocol/slave.js';
import type { CallOptions } from './call.js';
import { Connection, type ConnectionOptions, type OpenedStream } from './connection.js';

export { parseMasterUrl } from './master-url.js';
export type MasterClientOptions = ConnectionOptions;

/**
 * Typed client of the master's API. It signs every request that needs it, in the parts' form.
 *
 * Every method rejects with ClusterRunnerError: the master's own code and sentence when it answered,
 * MASTER_UNREACHABLE when it did not; and with the signal's reason when the call was aborted. It tries once;
 * `retry` is for the caller who knows how long to go on.
 */
export class MasterClient {
  readonly #connection: Connection;

  /** @throws ClusterRunnerError USAGE when `url` is not an absolute http(s) URL. */
  constructor(options: MasterClientOptions) {
    this.#connection = new Connection(options);
  }

  createBuild(body: BuildRequest, options?: CallOptions): Promise<{ build_id: BuildId }> {
    return this.#connection.call(routes.createBuild, { params: {}, body }, options);
  }

  async getBuild(buildId: BuildId, options?: CallOptions): Promise<Build> {
    const input = { params: { buildId }, body: undefined };
    return (await this.#connection.call(routes.getBuild, input, options)).build;
  }

  /** Resolves with the build as it is afterwards; one that has ended already stays as it was. */
  async cancelBuild(buildId: BuildId, options?: CallOptions): Promise<Build> {
    const body = { status: 'canceled' } as const;
    return (await this.#connection.call(routes.updateBuild, { params: { buildId }, body }, options)).build;
  }

  /** The build's `tar.gz`. */
  openArtifacts(buildId: BuildId, options?: CallOptions): Promise<OpenedStream> {
    return this.#connection.open(routes.getArtifactsTar, { params: { buildId }, body: undefined }, options);
  }

  registerSlave(body: Register, options?: CallOptions): Promise<AnswerOf<typeof routes.registerSlave>> {
    return this.#connection.call(routes.registerSlave, { params: {}, body }, options);
  }

  async goodbyeSlave(slaveId: SlaveId, options?: CallOptions): Promise<void> {
    await this.#connection.call(routes.goodbyeSlave, { params: { slaveId }, body: undefined }, options);
  }

  /** The timeout counts from the end of the wait that the question itself asks for. */
  askForWork(slaveId: SlaveId, body: WorkRequest, options?: CallOptions): Promise<WorkAnswer> {
    return this.#connection.call(
      routes.askForWork,
      { params: { slaveId }, body },
      options,
      body.wait_seconds,
    );
  }

  async reportPrepared(slaveId: SlaveId, buildId: BuildId, body: Prepared, options?: CallOptions) {
    await this.#connection.call(routes.reportPrepared, { params: { slaveId, buildId }, body }, options);
  }

  async reportPreparationFailed(
    slaveId: SlaveId,
    buildId: BuildId,
    body: { lease: LeaseRef; error: string },
    options?: CallOptions,
  ) {
    const params = { slaveId, buildId };
    await this.#connection.call(routes.reportPreparationFailed, { params, body }, options);
  }

  async handBackPreparation(slaveId: SlaveId, buildId: BuildId, body: Handback, options?: CallOptions) {
    await this.#connection.call(routes.handBackPreparation, { params: { slaveId, buildId }, body }, options);
  }

  async handBack(
    slaveId: SlaveId,
    buildId: BuildId,
    subjobId: SubjobId,
    body: Handback,
    options?: CallOptions,
  ) {
    await this.#connection.call(routes.handBack, { params: { slaveId, buildId, subjobId }, body }, options);
  }

  async reportProgress(
    slaveId: SlaveId,
    buildId: BuildId,
    subjobId: SubjobId,
    body: Progress,
    options?: CallOptions,
  ) {
    const params = { slaveId, buildId, subjobId };
    await this.#connection.call(routes.reportProgress, { params, body }, options);
  }

  /** Streams the archive from its file. */
  async deliverResult(
    slaveId: SlaveId,
    buildId: BuildId,
    subjobId: SubjobId,
    report: ResultReport,
    archiveFile: string,
    options?: CallOptions,
  ): Promise<void> {
    const head = Buffer.from(JSON.stringify(report));
    const input = {
      params: { slaveId, buildId, subjobId },
      query: { report_bytes: head.length },
      body: undefined,
    };
    await this.#connection.upload(routes.deliverResult, input, head, archiveFile, options);
  }

  /** Closes its connections; calls that are under way are cut off. */
  close(): Promise<void> {
    return this.#connection.close();
  }
}
