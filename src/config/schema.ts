import { availableParallelism, hostname } from 'node:os';
import { logLevels } from '../lib/logger.js';
import {
  folder,
  integerType,
  listType,
  networks,
  oneOfType,
  path,
  regex,
  secondsFrom,
  secretText,
  textType,
  trueOrFalse,
  type ValueType,
} from './value-types.js';

/*
 * All settings. The file that is written at first use, the environment variables, the checks, the type of the loaded
 * configuration and the tables in docs/configuration.md are derived from here.
 */

export interface Key<T> {
  readonly type: ValueType<T>;
  /** One or two sentences for the file and the documentation. */
  readonly doc: string;
  /** As it would be written in the file; `shown` describes one that is computed, or none. */
  readonly defaultValue: { readonly text: string } | { readonly shown: string; value(): T };
  /** The option of the command line that sets it, if there is one. */
  readonly flag?: string;
  /** Instead of CLUSTERRUNNER_ and the name of the key; the first that is set counts. */
  readonly env?: readonly [string, ...string[]];
  /** Its value is never printed. */
  readonly isSecret?: true;
}

type Extra = Pick<Key<unknown>, 'flag' | 'env'>;

const key = <T>(type: ValueType<T>, defaultValue: string, doc: string, extra: Extra = {}): Key<T> => ({
  type,
  doc,
  defaultValue: { text: defaultValue },
  ...extra,
});

const optional = <T>(type: ValueType<T>, doc: string, extra: Extra = {}): Key<T | null> => ({
  type,
  doc,
  defaultValue: { shown: 'none', value: () => null },
  ...extra,
});

const secret: Key<string> = {
  type: secretText,
  doc: 'Shared by the master, its slaves and its clients; anybody who knows it can run commands.',
  defaultValue: {
    shown: 'generated at first use',
    value: () => {
      throw new Error('The configuration has no secret although one is generated for each file.');
    },
  },
  isSecret: true,
};

const previousSecret: Key<string | null> = {
  ...optional(
    secretText,
    'The secret before this one. Both are accepted, and `secret` signs; remove it once every machine has the new one.',
  ),
  isSecret: true,
};

const thisHost: Key<string> = {
  type: textType,
  doc: 'Name under which this machine is shown and reached.',
  defaultValue: { shown: 'the name of this machine', value: () => hostname() },
};

const executors: Key<number> = {
  type: integerType(1, 10_000),
  doc: 'Number of subjobs that a slave runs at once.',
  defaultValue: { shown: 'one for each core', value: () => availableParallelism() },
  flag: '--num-executors',
};

export const sections = {
  general: {
    base_directory: key(
      folder,
      '~/.clusterrunner',
      'Folder for results, the database, workspaces and this file.',
    ),
    log_level: key(
      oneOfType(logLevels, { warning: 'warn', notice: 'info', critical: 'error' }),
      'info',
      `How much is logged: ${logLevels.join(', ')}.`,
      { flag: '--verbose, --quiet' },
    ),
    log_filename: optional(
      textType,
      'File that a master or a slave also logs to, in the folder `log` of the base directory unless it is an absolute path.',
    ),
    max_log_file_size: key(
      integerType(1024, 999_999_999),
      '52428800',
      'Size in bytes at which a log file is rotated; five old ones are kept.',
    ),
    eventlog_filename: optional(
      textType,
      'File that a master or a slave writes its events to, one JSON object per line, also in the folder `log`; STDOUT prints them.',
      { flag: '--eventlog-file' },
    ),
    hostname: thisHost,
    slaves: key(
      listType,
      'localhost',
      'Accepted in existing files, without effect: slaves are started on their own machines.',
    ),
    secret,
    previous_secret: previousSecret,
    cors_allowed_origins_regex: optional(
      regex,
      'Web pages whose whole origin matches it may read the API from a browser.',
    ),
    https_cert_file: optional(
      path,
      'Certificate of the master (PEM) with its chain; the master then speaks HTTPS only.',
    ),
    https_key_file: optional(path, 'Key of the certificate (PEM). Renewed files are used without a restart.'),
    https_ca_file: optional(
      path,
      'Certificates (PEM) by which slaves and clients verify the master; those of the system unless set.',
    ),
    get_project_from_master: key(
      trueOrFalse,
      'true',
      'Whether the slave that fetches a commit passes it on to the master, from which the others get it, so that the repository is contacted once for each build.',
    ),
    git_strict_host_key_checking: key(
      trueOrFalse,
      'false',
      'Whether git over SSH refuses hosts whose key is not known yet.',
    ),
    build_symlink_directory: optional(
      path,
      'Accepted in existing files, without effect: PROJECT_DIR in an atom stands for the checkout on any machine.',
    ),
    shallow_clones: optional(
      trueOrFalse,
      'Accepted in existing files, without effect: the mirror of a repository on a slave fetches only new commits.',
    ),
    default_http_timeout: key(secondsFrom(1, 3600), '30', 'Seconds to wait for a response of the master.'),
  },
  master: {
    port: key(integerType(0, 65535), '43000', 'Port that the master listens on; 0 chooses a free one.', {
      flag: '--port',
      env: ['CLUSTERRUNNER_MASTER_PORT'],
    }),
    address: optional(textType, 'Address to listen on, such as 127.0.0.1; all addresses unless set.'),
    allowed_hosts: key(
      listType,
      'localhost',
      'Names of this machine that requests over loopback may use besides `hostname` and addresses, such as those of a proxy on it.',
    ),
    trusted_proxies: optional(
      networks,
      'Addresses and networks of proxies in front of the master; limits for each address then count the one in their X-Forwarded-For.',
    ),
    read_access: key(
      oneOfType(['public', 'signed']),
      'public',
      'Who may read: everybody who reaches the master (public), or only clients with the secret or a token of `clusterrunner token` (signed).',
    ),
    accept_body_digest: key(
      trueOrFalse,
      'true',
      'Whether builds may be started and canceled with an HMAC over the body alone, which can be replayed; clients other than `clusterrunner` may need it.',
    ),
    unresponsive_slaves_cleanup_interval: key(
      secondsFrom(1, 86400),
      '30',
      'Seconds without a request from a slave after which its work is given to others.',
    ),
    suspect_after: key(
      secondsFrom(0, 86400),
      '0',
      'Seconds without an open request of a slave after which others may start its work too, in case it is dead; 0: never.',
    ),
    end_grace: key(
      secondsFrom(0, 86400),
      '10',
      'Seconds that slaves have to end running atoms and deliver their results when a build is ended early (build_timeout, cancel, Ctrl-C, no slave that can run it); 0 ends it at once.',
    ),
    builds_kept: key(
      integerType(0, 10_000_000),
      '10000',
      'Number of ended builds that are kept with their results; the oldest are deleted first. 0 keeps all.',
    ),
    packs_max_mib: key(
      integerType(1, 10_000_000),
      '10240',
      'MiB of project bundles that the master keeps at most, to pass them on to slaves.',
    ),
    zips_max_mib: key(
      integerType(0, 10_000_000),
      '10240',
      'MiB of zips of results that the master keeps at most, so that a download can be resumed; 0 keeps none.',
    ),
    results_kept_days: key(
      integerType(0, 36_500),
      '30',
      'Days for which an ended build is kept with its results; 0 keeps it forever.',
    ),
    history_kept_days: key(
      integerType(0, 36_500),
      '180',
      'Days for which the history of jobs and atoms is kept, also when the builds themselves are deleted; 0 keeps it forever.',
    ),
    history_builds_kept: key(
      integerType(50, 1_000_000),
      '1000',
      'Number of builds of each job that its history lists at most.',
    ),
    history_atoms_kept: key(
      integerType(0, 100_000_000),
      '500000',
      'Number of atoms of all jobs together whose runs are kept; those that have not run for the longest time are forgotten first. 0 keeps no runs of atoms.',
    ),
    passes_kept_days: key(
      integerType(0, 3650),
      '14',
      'Days for which a recorded pass spares an atom of a job with `cache: true` its run; 0: every atom runs.',
    ),
    passes_kept: key(
      integerType(0, 100_000_000),
      '500000',
      'Number of recorded passes of all jobs together; the oldest are forgotten first.',
    ),
    max_connections: key(
      integerType(1, 1_000_000),
      '10000',
      'Concurrent connections. A further one closes an older one that is not authenticated, or is refused with 503 if there is none.',
    ),
    max_header_kilobytes: key(integerType(1, 1024), '16', 'Largest size of the headers of a request.'),
    max_body_megabytes: key(
      integerType(1, 511),
      '256',
      'Largest JSON body of a sender that has signed method and path with the secret.',
    ),
    max_unproved_body_megabytes: key(
      integerType(1, 511),
      '16',
      'Largest JSON body with an HMAC over the body alone, which must be read before it can be verified.',
    ),
    max_result_gigabytes: key(integerType(1, 100_000), '64', 'Largest results of one subjob.'),
    artifacts_max_mib_per_atom: key(
      integerType(0, 100_000_000),
      '10240',
      'MiB of files of one atom that go into the results; files beyond that are left out and listed there.',
    ),
    artifacts_max_files_per_atom: key(
      integerType(0, 10_000_000),
      '1000000',
      'Number of files, folders and links of one atom that go into the results.',
    ),
    console_max_mib_per_atom: key(
      integerType(1, 100_000),
      '1024',
      'Largest console of one atom; a longer one loses its middle, also while the atom runs.',
    ),
    results_max_mib_per_build: key(
      integerType(1, 100_000_000),
      '102400',
      'MiB of compressed results of one build beyond which subjobs that start later keep their consoles only.',
    ),
    max_json_depth: key(integerType(8, 1000), '32', 'How deep objects and lists may be nested.'),
    header_timeout: key(
      secondsFrom(1, 3600),
      '20',
      'Seconds within which the headers of a request must arrive.',
    ),
    body_timeout: key(
      secondsFrom(1, 3600),
      '60',
      'Seconds within which a body with an HMAC over the body alone must arrive.',
    ),
    max_requests_per_slave: key(
      integerType(200, 1_000_000),
      '1000',
      'Concurrent requests of one slave; more get 429.',
    ),
    max_reads_per_address: key(
      integerType(1, 1_000_000),
      '256',
      'Concurrent reads without a signature from one address (IPv6: one /64); more get 429.',
    ),
    max_unread_megabytes: key(
      integerType(1, 1_000_000),
      '64',
      'MiB of JSON that clients without a signature from one address have requested and not read; more gets 429. For all addresses together four times that.',
    ),
    unread_timeout: key(
      integerType(1, 86_400),
      '60',
      'Seconds after which a client that does not read the JSON or events it has requested is disconnected.',
    ),
    max_failed_signatures: key(
      integerType(1, 1_000_000),
      '100',
      'Invalid signatures, HMACs or tokens from one address within a minute, each kind counted by itself, whose responses give the reason; more get 429. Valid ones are always accepted.',
    ),
  },
  slave: {
    port: key(integerType(0, 65535), '43001', 'Port of the read-only API of a slave; 0 chooses a free one.', {
      flag: '--port',
      env: ['CLUSTERRUNNER_SLAVE_PORT'],
    }),
    address: key(
      textType,
      '127.0.0.1',
      'Address that the read-only API of a slave listens on; 0.0.0.0 (or ::) for all, so that other machines can reach it.',
      { env: ['CLUSTERRUNNER_SLAVE_ADDRESS'] },
    ),
    num_executors: executors,
    master_hostname: key(textType, 'localhost', 'Host name or address of the master.', {
      flag: '--master-url',
    }),
    // CLUSTERRUNNER_MASTER_PORT sets the port for the master and for its slaves and clients.
    master_port: key(integerType(1, 65535), '43000', 'Port of the master.', {
      flag: '--master-url',
      env: ['CLUSTERRUNNER_SLAVE_MASTER_PORT', 'CLUSTERRUNNER_MASTER_PORT'],
    }),
    workspaces_kept: key(
      integerType(0, 1000),
      '4',
      'Number of checkouts of ended builds that a slave keeps, so that later builds of their repositories only write the differences; 0 keeps none.',
    ),
    dependency_cache_max_mib: key(
      integerType(0, 10_000_000),
      '10240',
      'MiB of setup output that a slave caches at most, for jobs with `cache`; 0 caches nothing.',
    ),
    reuse_shells: key(
      trueOrFalse,
      'true',
      'Whether an executor keeps a bash for a build, which starts its atoms; false starts a new shell for each atom, which is slower, and rules out that one atom affects the next through its shell.',
    ),
    remote_file_max_mib: key(integerType(1, 10_000_000), '4096', 'Largest file of `remote_files`, in MiB.'),
    remote_files_timeout: key(
      secondsFrom(1, 86400),
      '600',
      'Seconds within which all `remote_files` of a build must arrive.',
    ),
    env_passthrough: optional(
      listType,
      'Variables of the slave that commands may see besides PATH, HOME and the like; `*` stands for any text. In a cluster of one command all are visible unless set.',
    ),
    redact: optional(listType, 'Variables of the slave whose values are masked in what commands print.'),
    heartbeat_interval: key(
      secondsFrom(1, 3600),
      '10',
      'Accepted in existing files, without effect: a slave always has a poll request open, which shows that it is alive.',
    ),
    heartbeat_failure_threshold: key(
      integerType(1, 1000),
      '10',
      'Accepted in existing files, without effect: a slave that lost its master retries until it is back.',
    ),
  },
} as const;

type Sections = typeof sections;
export type SectionName = keyof Sections;

/** `master.port`, `general.log_level`, … */
export type KeyName = { [S in SectionName]: `${S}.${keyof Sections[S] & string}` }[SectionName];

/** Units of size that names of keys end with or hold, in bytes. */
const UNITS = { kilobytes: 1024, mib: 1024 ** 2, megabytes: 1024 ** 2, gigabytes: 1024 ** 3 } as const;
type Unit = keyof typeof UNITS;

type Word<W extends string> = W extends Unit ? 'bytes' : W;
type SettingName<K extends string> = K extends `${infer Head}_${infer Tail}`
  ? `${Word<Head>}${Capitalize<SettingName<Tail>>}`
  : Word<K>;

/** The settings of a section. Sizes are in bytes, times in seconds. */
export type SectionValues<S extends SectionName> = {
  readonly [K in keyof Sections[S] & string as SettingName<K>]: Sections[S][K] extends Key<infer T>
    ? T
    : never;
};
export type MasterSettings = SectionValues<'master'>;

export interface KeyEntry {
  readonly section: string;
  readonly name: string;
  /** `section.name` */
  readonly fullName: string;
  readonly key: Key<unknown>;
  /** The variables that set it; the first counts. */
  readonly env: readonly [string, ...string[]];
}

/** All keys, in the order of the file. */
export const keyEntries: readonly KeyEntry[] = Object.entries(sections).flatMap(([section, keys]) =>
  Object.entries<Key<unknown>>(keys).map(([name, key]) => ({
    section,
    name,
    fullName: `${section}.${name}`,
    key,
    env: key.env ?? [`CLUSTERRUNNER_${name.toUpperCase()}`],
  })),
);

export const sectionNames: readonly string[] = Object.keys(sections);

/** The name of a key in code, which it keeps to its last use: `num_executors` is `numExecutors`, `zips_max_mib` is `zipsMaxBytes`. */
export function settingName(name: string): string {
  return name
    .split('_')
    .map((word) => (isUnit(word) ? 'bytes' : word))
    .join('_')
    .replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** The value of a key in code: a size in bytes, whatever the unit of the key. */
export function settingValue(name: string, value: unknown): unknown {
  const unit = name.split('_').find(isUnit);
  return unit === undefined || typeof value !== 'number' ? value : value * UNITS[unit];
}

function isUnit(word: string): word is Unit {
  return word in UNITS;
}

export function shownDefault(key: Key<unknown>): string {
  return 'text' in key.defaultValue ? key.defaultValue.text : key.defaultValue.shown;
}
