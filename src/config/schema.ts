import { availableParallelism, hostname } from 'node:os';
import { logLevels } from '../lib/logger.js';
import {
  integer,
  type Kind,
  list,
  networks,
  oneOf,
  path,
  regex,
  secondsFrom,
  secretText,
  text,
  trueOrFalse,
} from './value-types.js';

/*
 * Every setting there is. The file that is written at first use, the environment's names, the checks, the type of
 * the loaded configuration and the table in docs/configuration.md all come from here.
 */

export interface Key<T> {
  readonly kind: Kind<T>;
  /** One sentence or two, for the file and the documentation. */
  readonly doc: string;
  /** As it would be written in the file; `shown` stands for one that is found out, or for none. */
  readonly fallback: { readonly text: string } | { readonly shown: string; value(): T };
  /** Option of the command line that sets it, where there is one. */
  readonly flag?: string;
  /** Where CLUSTERRUNNER_ and the key's name will not do; the first that is set counts. */
  readonly env?: readonly [string, ...string[]];
  /** Its value is never printed. */
  readonly isSecret?: true;
}

type Extra = Pick<Key<unknown>, 'flag' | 'env'>;

const key = <T>(kind: Kind<T>, fallback: string, doc: string, extra: Extra = {}): Key<T> => ({
  kind,
  doc,
  fallback: { text: fallback },
  ...extra,
});

const optional = <T>(kind: Kind<T>, doc: string, extra: Extra = {}): Key<T | null> => ({
  kind,
  doc,
  fallback: { shown: 'none', value: () => null },
  ...extra,
});

const secret: Key<string> = {
  kind: secretText,
  doc: 'Shared by the master, its slaves and all who ask it for builds; whoever knows it can run commands.',
  fallback: {
    shown: 'generated at first use',
    value: () => {
      throw new Error('The configuration has no secret although one is generated for every file.');
    },
  },
  isSecret: true,
};

const previousSecret: Key<string | null> = {
  ...optional(
    secretText,
    'The secret before this one. Both are taken, `secret` signs; take it out when everything has the new one.',
  ),
  isSecret: true,
};

const thisHost: Key<string> = {
  kind: text,
  doc: 'Name under which this machine is shown to people and reached by others.',
  fallback: { shown: 'the name of this machine', value: () => hostname() },
};

const executors: Key<number> = {
  kind: integer(1, 10_000),
  doc: 'How many subjobs a slave runs at once.',
  fallback: { shown: 'one for each core', value: () => availableParallelism() },
  flag: '--num-executors',
};

export const sections = {
  general: {
    base_directory: key(
      path,
      '~/.clusterrunner',
      'Folder for results, the database, workspaces and this file.',
    ),
    log_level: key(
      oneOf(logLevels, { warning: 'warn', notice: 'info', critical: 'error' }),
      'info',
      `How much is logged: ${logLevels.join(', ')}.`,
      { flag: '--verbose, --quiet' },
    ),
    log_filename: optional(
      text,
      'File that a master or a slave logs to as well, in the folder `log` of the base directory unless it is a whole path.',
    ),
    max_log_file_size: key(
      integer(1024, 999_999_999),
      '52428800',
      'Bytes after which a log file is rotated; five old ones are kept.',
    ),
    eventlog_filename: optional(
      text,
      'File that a master or a slave writes its events to, one JSON object a line, in the folder `log` as well; STDOUT prints them.',
      { flag: '--eventlog-file' },
    ),
    hostname: thisHost,
    slaves: key(
      list,
      'localhost',
      'Taken from existing files, and without effect: slaves are started on their own machines.',
    ),
    secret,
    previous_secret: previousSecret,
    cors_allowed_origins_regex: optional(
      regex,
      'Web pages whose whole origin matches may read the API from a browser.',
    ),
    https_cert_file: optional(
      path,
      'Certificate of the master (PEM), with those that vouch for it; the master then speaks HTTPS alone.',
    ),
    https_key_file: optional(
      path,
      'Key of the certificate (PEM). Renewed files are taken without a restart.',
    ),
    https_ca_file: optional(
      path,
      'Certificates (PEM) by which slaves and clients know the master; those of the system unless set.',
    ),
    get_project_from_master: key(
      trueOrFalse,
      'true',
      'Whether a slave gives the commit that it has fetched to the master, and the others take it from there, so that the repository is asked once for a build.',
    ),
    git_strict_host_key_checking: key(
      trueOrFalse,
      'false',
      'Whether git over SSH refuses hosts whose key is not known yet.',
    ),
    build_symlink_directory: optional(
      path,
      'Taken from existing files, and without effect: PROJECT_DIR in an atom stands for the checkout on any machine.',
    ),
    shallow_clones: optional(
      trueOrFalse,
      'Taken from existing files, and without effect: the mirror of a repository on a slave fetches what is new.',
    ),
    default_http_timeout: key(secondsFrom(1, 3600), '30', 'Seconds to wait for an answer of the master.'),
  },
  master: {
    port: key(integer(0, 65535), '43000', 'Port that the master listens on; 0 takes a free one.', {
      flag: '--port',
      env: ['CLUSTERRUNNER_MASTER_PORT'],
    }),
    address: optional(text, 'Address to listen on, such as 127.0.0.1; all of them unless set.'),
    allowed_hosts: key(
      list,
      'localhost',
      'Names for which requests over loopback are taken, beside `hostname` and addresses; those of a proxy on this machine.',
    ),
    trusted_proxies: optional(
      networks,
      'Addresses and networks of proxies in front of the master: limits for an address then count the one that their X-Forwarded-For names.',
    ),
    read_access: key(
      oneOf(['public', 'signed']),
      'public',
      'Who may read: whoever reaches the master (public), or who has the secret or a token of `clusterrunner token` (signed).',
    ),
    accept_body_digest: key(
      trueOrFalse,
      'true',
      'Whether builds may be ordered and canceled with a digest of the body alone, which can be replayed; clients of other makers may need it.',
    ),
    unresponsive_slaves_cleanup_interval: key(
      secondsFrom(1, 86400),
      '30',
      'Seconds without a word from a slave after which its work is given to others.',
    ),
    end_grace: key(
      secondsFrom(0, 86400),
      '10',
      'Seconds that slaves have to end what runs and deliver what there is of it when a build is ended early (build_timeout, cancel, Ctrl-C, no slave that can run it); 0 ends it at once.',
    ),
    builds_kept: key(
      integer(0, 10_000_000),
      '10000',
      'How many builds that have ended are kept with their results; the oldest go first. 0 keeps all.',
    ),
    packs_max_mib: key(
      integer(1, 10_000_000),
      '10240',
      'How many MiB of projects the master keeps at most, to pass them on to slaves.',
    ),
    zips_max_mib: key(
      integer(0, 10_000_000),
      '10240',
      'How many MiB of zips of results the master keeps at most, so that a download can go on; 0 keeps none.',
    ),
    results_kept_days: key(
      integer(0, 36_500),
      '30',
      'Days after its end for which a build is kept with its results; 0 keeps it for ever.',
    ),
    max_connections: key(
      integer(1, 1_000_000),
      '10000',
      'Connections at once; for another, an older one goes on which nobody has shown the secret, or it is answered with 503.',
    ),
    max_header_kilobytes: key(integer(1, 1024), '16', 'Size of the headers of a request.'),
    max_body_megabytes: key(
      integer(1, 511),
      '256',
      'Size of a JSON body whose sender has signed method and path with the secret.',
    ),
    max_unproved_body_megabytes: key(
      integer(1, 511),
      '16',
      'Size of a JSON body that is signed with a digest of the body alone, which must be read to be checked.',
    ),
    max_result_gigabytes: key(integer(1, 100_000), '64', 'Size of the results of one subjob.'),
    artifacts_max_mib_per_atom: key(
      integer(0, 100_000_000),
      '10240',
      'Size of the files of one atom that go into the results; files beyond it are left out, and named there.',
    ),
    artifacts_max_files_per_atom: key(
      integer(0, 10_000_000),
      '1000000',
      'How many files, folders and links of one atom go into the results.',
    ),
    console_max_mib_per_atom: key(
      integer(1, 100_000),
      '1024',
      'Size of the console of one atom; a longer one loses its middle, also while the atom runs.',
    ),
    results_max_mib_per_build: key(
      integer(1, 100_000_000),
      '102400',
      'Size of the results of one build, compressed; when there are so many, subjobs that begin then leave consoles and no files.',
    ),
    max_json_depth: key(integer(8, 1000), '32', 'How deep objects and lists may stand in one another.'),
    header_timeout: key(
      secondsFrom(1, 3600),
      '20',
      'Seconds in which the headers of a request must have come.',
    ),
    body_timeout: key(
      secondsFrom(1, 3600),
      '60',
      'Seconds in which a body must have come that is signed with a digest of the body alone.',
    ),
    max_requests_per_slave: key(
      integer(200, 1_000_000),
      '1000',
      'Requests of one slave at once; more get 429.',
    ),
    max_reads_per_address: key(
      integer(1, 1_000_000),
      '256',
      'What strangers of one address (IPv6: of one /64) read at once, without a signature; more get 429.',
    ),
    max_unread_megabytes: key(
      integer(1, 1_000_000),
      '64',
      'JSON that strangers of one address have asked for and not read, in MiB; more gets 429. Four times that of all.',
    ),
    unread_timeout: key(
      integer(1, 86_400),
      '60',
      'Seconds after which a reader of JSON or events that takes nothing of what is there is cut off.',
    ),
    max_failed_signatures: key(
      integer(1, 1_000_000),
      '100',
      'Wrong signatures, digests or tokens within a minute from one address, each kind for itself, that are told what is wrong; more get 429. Good ones are always taken.',
    ),
  },
  slave: {
    port: key(integer(0, 65535), '43001', 'Port of the read-only API of a slave; 0 takes a free one.', {
      flag: '--port',
      env: ['CLUSTERRUNNER_SLAVE_PORT'],
    }),
    address: key(
      text,
      '127.0.0.1',
      'Address that the read-only API of a slave listens on; 0.0.0.0 (or ::) for all, so that other machines may ask it.',
      { env: ['CLUSTERRUNNER_SLAVE_ADDRESS'] },
    ),
    num_executors: executors,
    master_hostname: key(text, 'localhost', 'Host name or address of the master.', { flag: '--master-url' }),
    // CLUSTERRUNNER_MASTER_PORT says which port the master has, to the master and to those who look for it.
    master_port: key(integer(1, 65535), '43000', 'Port of the master.', {
      flag: '--master-url',
      env: ['CLUSTERRUNNER_SLAVE_MASTER_PORT', 'CLUSTERRUNNER_MASTER_PORT'],
    }),
    workspaces_kept: key(
      integer(0, 1000),
      '4',
      'How many checkouts of ended builds a slave keeps, so that the next builds of their repositories write only what differs; 0 keeps none.',
    ),
    dependency_cache_max_mib: key(
      integer(0, 10_000_000),
      '10240',
      'How many MiB a slave keeps at most of what setups have made, for jobs with `cache`; 0 keeps nothing.',
    ),
    reuse_shells: key(
      trueOrFalse,
      'true',
      'Whether an executor keeps a bash for a build, which starts its atoms; false starts a new shell for each atom, which is slower, and rules out that one atom affects the next through its shell.',
    ),
    remote_file_max_mib: key(
      integer(1, 10_000_000),
      '4096',
      'How many MiB each file of `remote_files` may have.',
    ),
    remote_files_timeout: key(
      secondsFrom(1, 86400),
      '600',
      'Seconds in which the `remote_files` of a build must have come, all together.',
    ),
    env_passthrough: optional(
      list,
      'Variables of the slave that commands may see beside PATH, HOME and the like; `*` stands for any text. With the cluster of one `build` all may be seen unless set.',
    ),
    redact: optional(list, 'Variables of the slave whose values are masked in what commands print.'),
    heartbeat_interval: key(
      secondsFrom(1, 3600),
      '10',
      'Taken from existing files, and without effect: a slave always has a question open, which shows that it lives.',
    ),
    heartbeat_failure_threshold: key(
      integer(1, 1000),
      '10',
      'Taken from existing files, and without effect: a slave that lost its master asks for it until it is back.',
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
  return 'text' in key.fallback ? key.fallback.text : key.fallback.shown;
}
