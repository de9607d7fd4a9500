import { systemClock } from '../../lib/clock.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { type CommonOptions, createContext } from '../context.js';
import { isServiceProcess, type RunningService, runningServices } from '../services/services.js';

const PATIENCE_MS = 30_000;

/** `clusterrunner stop`: slaves first, so that they can return their leases to a running master. */
export async function stop(options: CommonOptions): Promise<void> {
  const { config } = createContext('stop', options, {});
  const services = runningServices(config.baseDirectory);
  for (const kind of ['slave', 'master'] as const) {
    const these = services.filter((service) => service.kind === kind);
    for (const service of these) {
      process.kill(service.pid, 'SIGTERM');
    }
    await Promise.all(these.map(untilGone));
    for (const service of these) {
      process.stdout.write(`Stopped the ${kind} with process number ${service.pid}.\n`);
    }
  }
  if (services.every(({ kind }) => kind === 'cluster')) {
    process.stdout.write('No master or slave of this base directory is running.\n');
  }
}

async function untilGone(service: RunningService): Promise<void> {
  for (const start = systemClock.now(); isServiceProcess(service); await systemClock.sleep(50)) {
    if (systemClock.now() - start > PATIENCE_MS) {
      throw new ClusterRunnerError(
        'CONFLICT',
        `The ${service.kind} with process number ${service.pid} has not ended ${PATIENCE_MS / 1000} s after ` +
          `SIGTERM; end it with: kill -9 ${service.pid}`,
      );
    }
  }
}
