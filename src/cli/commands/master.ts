import { join } from 'node:path';
import type { LoadedConfig } from '../../config/load.js';
import { ReloadingSecrets } from '../../config/reloading-secrets.js';
import { CleanupStack } from '../../lib/async/cleanup-stack.js';
import { systemClock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { isLoopback } from '../../lib/net/host-names.js';
import { Networks } from '../../lib/net/networks.js';
import { type SafeRegex, saysHowItEnds } from '../../lib/text/safe-regex.js';
import type { TlsFiles } from '../../master/http/tls.js';
import { type CommonOptions, createContext } from '../context.js';
import { openEventLog } from '../services/event-log.js';
import { serveMaster } from '../services/serve-master.js';
import { registerService } from '../services/services.js';
import { untilStopped } from '../services/stop-signals.js';

export interface MasterArguments extends CommonOptions {
  readonly port?: string;
  readonly eventlogFile?: string;
}

/** `clusterrunner master`: serves until a stop signal. */
export async function master(options: MasterArguments): Promise<void> {
  const { config, log, close } = createContext('master', options, {
    'master.port': options.port,
    'general.eventlog_filename': options.eventlogFile,
  });
  const cleanup = new CleanupStack();
  cleanup.add(close);
  try {
    await serveUntilStopped(config, log, cleanup);
  } finally {
    await cleanup.releaseAll();
  }
}

async function serveUntilStopped(config: LoadedConfig, log: Logger, cleanup: CleanupStack): Promise<void> {
  warnOfPrefixes(config.corsAllowedOriginsRegex, log);
  const { address, allowedHosts } = config.master;
  const tls = tlsFilesOf(config, log);
  const stopped = untilStopped();
  const served = await serveMaster({
    directory: join(config.baseDirectory, 'master'),
    port: config.master.port,
    portIsExplicit: config.isExplicit('master.port'),
    ...(address === null ? {} : { address }),
    secrets: new ReloadingSecrets(config, process.env, systemClock, log),
    settings: config.master,
    hostNames: [config.hostname, ...allowedHosts],
    tls,
    corsAllowedOrigins: config.corsAllowedOriginsRegex,
    trustedProxies: config.master.trustedProxies ?? Networks.none,
    log,
  });
  cleanup.add(() => served.close());
  const events = openEventLog(config, systemClock);
  cleanup.add(() => events?.close());
  cleanup.add(registerService(config.baseDirectory, 'master', served.port, log));
  events?.follow((end) => served.reading.followEvents(null, end));
  if (served.portReplaced) {
    process.stdout.write(`Port ${config.master.port} is taken; using ${served.port} instead.\n`);
  }
  const scheme = tls === null ? 'http' : 'https';
  process.stdout.write(`Master is listening on ${scheme}://${config.hostname}:${served.port}\n`);
  if (tls === null && !isLoopback(address ?? '')) {
    process.stdout.write(
      'Connections from other machines are not encrypted; set https_cert_file, or set `address` to 127.0.0.1 to serve this machine only.\n',
    );
  }
  log.info({ signal: await stopped }, 'stopping');
}

/** The configuration has both files or none. */
function tlsFilesOf({ httpsCertFile, httpsKeyFile }: LoadedConfig, log: Logger): TlsFiles | null {
  return httpsCertFile === null || httpsKeyFile === null
    ? null
    : { certFile: httpsCertFile, keyFile: httpsKeyFile, log };
}

/** ClusterRunner 0.x accepts an origin whose beginning matches. */
function warnOfPrefixes(allowed: SafeRegex | null, log: Logger): void {
  if (allowed !== null && !saysHowItEnds(allowed.source)) {
    log.warn(
      `cors_allowed_origins_regex must match the whole origin, with its port: write "${allowed.source}$" if that is ` +
        `meant, or "${allowed.source}.*" for every origin that begins so.`,
    );
  }
}
