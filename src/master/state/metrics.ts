import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type BuildState, buildState } from '../../protocol/build/build.js';
import { slaveState } from '../../protocol/slave/slave-list.js';
import type { Slave } from '../../protocol/slave/slave-messages.js';

/** Numbers of the moment in which the metrics are read. */
export interface MetricsSnapshot {
  /** Unfinished builds by state. */
  readonly builds: Readonly<Partial<Record<BuildState, number>>>;
  /** Subjobs and preparations that wait for an executor. */
  readonly queued: number;
  readonly executorsBusy: number;
  /** The executors of connected slaves. */
  readonly executors: number;
  readonly slaves: Readonly<Partial<Record<Slave['state'], number>>>;
}

const unfinished = buildState.slice(0, 3);

/** The master's metrics, under the names and units that Prometheus recommends (base units, `_total` for counters). */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: 'clusterrunner_http_request_duration_seconds',
    help: 'Time from a request to the end of its response; of a long poll with the time that it was held.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 60],
    registers: [this.#registry],
  });
  readonly #ended = new Counter({
    name: 'clusterrunner_builds_ended_total',
    help: 'Builds that ended, by their last state and result.',
    labelNames: ['state', 'result'] as const,
    registers: [this.#registry],
  });
  readonly #subjobs = new Histogram({
    name: 'clusterrunner_subjob_duration_seconds',
    help: 'Sum of the times of the atoms of a subjob whose result was accepted.',
    buckets: [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800],
    registers: [this.#registry],
  });
  readonly #resultBytes = new Counter({
    name: 'clusterrunner_result_bytes_total',
    help: 'Bytes of the archives that were accepted.',
    registers: [this.#registry],
  });
  readonly #commits = new Histogram({
    name: 'clusterrunner_store_commit_duration_seconds',
    help: 'Time of a transaction of the store, its flush to the disk with it.',
    buckets: [0.0005, 0.001, 0.005, 0.01, 0.05, 0.25, 1, 5],
    registers: [this.#registry],
  });

  readonly #duplicates = new Counter({
    name: 'clusterrunner_duplicates_started_total',
    help: 'Leases that were taken beside one of a slave that was suspect or took too long.',
    registers: [this.#registry],
  });
  readonly #duplicatesWon = new Counter({
    name: 'clusterrunner_duplicates_won_total',
    help: 'Duplicates that delivered their verdict before the first lease.',
    registers: [this.#registry],
  });

  readonly #suspicions = new Counter({
    name: 'clusterrunner_suspicions_total',
    help: 'How often a slave became SUSPECT, because nothing was heard from it.',
    registers: [this.#registry],
  });
  readonly #wrongSuspicions = new Counter({
    name: 'clusterrunner_suspicions_wrong_total',
    help: 'How often a SUSPECT slave was heard again.',
    registers: [this.#registry],
  });

  constructor(snapshot: () => MetricsSnapshot) {
    collectDefaultMetrics({ register: this.#registry });
    const registers = [this.#registry];
    gauge('clusterrunner_builds', 'Builds that have not ended, by state.', registers, ['state'], (set) => {
      for (const state of unfinished) {
        set({ state }, snapshot().builds[state] ?? 0);
      }
    });
    gauge('clusterrunner_slaves', 'Slaves that the master knows, by state.', registers, ['state'], (set) => {
      for (const state of slaveState) {
        set({ state }, snapshot().slaves[state] ?? 0);
      }
    });
    gauge('clusterrunner_queue_depth', 'What waits for an executor.', registers, [], (set) =>
      set({}, snapshot().queued),
    );
    gauge('clusterrunner_executors', 'Executors of the connected slaves.', registers, [], (set) =>
      set({}, snapshot().executors),
    );
    gauge('clusterrunner_executors_busy', 'Executors that hold a lease.', registers, [], (set) =>
      set({}, snapshot().executorsBusy),
    );
  }

  readonly contentType = this.#registry.contentType;

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** `route` is the declared path, so that ids do not make a series each. */
  request(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status }, seconds);
  }

  buildEnded(state: BuildState, result: 'SUCCESS' | 'FAILURE'): void {
    this.#ended.inc({ state, result });
  }

  resultAccepted(seconds: number, bytes: number): void {
    this.#subjobs.observe(seconds);
    this.#resultBytes.inc(bytes);
  }

  duplicateStarted(): void {
    this.#duplicates.inc();
  }

  duplicateWon(): void {
    this.#duplicatesWon.inc();
  }

  suspicionBegan(): void {
    this.#suspicions.inc();
  }

  suspicionProvedWrong(): void {
    this.#wrongSuspicions.inc();
  }

  commit(seconds: number): void {
    this.#commits.observe(seconds);
  }
}

function gauge(
  name: string,
  help: string,
  registers: Registry[],
  labelNames: readonly string[],
  collect: (set: (labels: Record<string, string>, value: number) => void) => void,
): void {
  const made: Gauge<string> = new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers,
    collect: () => collect((labels, value) => made.set(labels, value)),
  });
}
