import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { configurationTables } from '../../../src/config/configuration-tables.js';
import { defaultSettings, type LoadedConfig, loadConfig } from '../../../src/config/load.js';
import {
  type KeyEntry,
  keyEntries,
  settingName,
  settingValue,
  shownDefault,
} from '../../../src/config/schema.js';
import { Networks } from '../../../src/lib/net/networks.js';
import { findPackageJSON } from '../../../src/lib/package-json.js';
import { SafeRegex } from '../../../src/lib/text/safe-regex.js';

const MIB = 1024 ** 2;
/** Settings that are null unless set; their users decide what that means. */
const isOptional = /\b(envPassthrough|redact|trustedProxies) \?\?/;
const root = join(findPackageJSON(import.meta.url), '..');

/** For every key a text that is not its default, and the value that it stands for. */
const samples: Readonly<Record<string, readonly [string, unknown]>> = {
  'general.base_directory': ['/srv/cr', '/srv/cr'],
  'general.log_level': ['debug', 'debug'],
  'general.log_filename': ['cr.log', 'cr.log'],
  'general.max_log_file_size': ['2048', 2048],
  'general.eventlog_filename': ['STDOUT', 'STDOUT'],
  'general.hostname': ['worker-1', 'worker-1'],
  'general.slaves': ['a, b.example', ['a', 'b.example']],
  'general.secret': ['correct horse', 'correct horse'],
  'general.previous_secret': ['battery staple', 'battery staple'],
  'general.cors_allowed_origins_regex': ['https://ci\\.example', SafeRegex.read('https://ci\\.example')],
  'general.https_cert_file': ['/tls/cert.pem', '/tls/cert.pem'],
  'general.https_key_file': ['/tls/key.pem', '/tls/key.pem'],
  'general.https_ca_file': ['/tls/ca.pem', '/tls/ca.pem'],
  'general.get_project_from_master': ['False', false],
  'general.git_strict_host_key_checking': ['yes', true],
  'general.build_symlink_directory': ['/srv/link', '/srv/link'],
  'general.shallow_clones': ['True', true],
  'general.default_http_timeout': ['1.5', 1.5],
  'master.port': ['5000', 5000],
  'master.address': ['127.0.0.1', '127.0.0.1'],
  'master.allowed_hosts': ['ci.example, other', ['ci.example', 'other']],
  'master.trusted_proxies': ['127.0.0.1, 10.0.0.0/8', Networks.read(['127.0.0.1', '10.0.0.0/8'])],
  'master.read_access': ['signed', 'signed'],
  'master.accept_body_digest': ['False', false],
  'master.unresponsive_slaves_cleanup_interval': ['600', 600],
  'master.suspect_after': ['20', 20],
  'master.end_grace': ['45', 45],
  'master.builds_kept': ['0', 0],
  'master.packs_max_mib': ['500', 500 * MIB],
  'master.zips_max_mib': ['0', 0],
  'master.results_kept_days': ['7', 7],
  'master.history_kept_days': ['0', 0],
  'master.history_builds_kept': ['50', 50],
  'master.history_atoms_kept': ['0', 0],
  'master.passes_kept_days': ['7', 7],
  'master.passes_kept': ['0', 0],
  'master.max_connections': ['50', 50],
  'master.max_header_kilobytes': ['32', 32 * 1024],
  'master.max_body_megabytes': ['64', 64 * MIB],
  'master.max_unproved_body_megabytes': ['1', 1 * MIB],
  'master.max_result_gigabytes': ['2', 2 * 1024 * MIB],
  'master.artifacts_max_mib_per_atom': ['2', 2 * MIB],
  'master.artifacts_max_files_per_atom': ['2', 2],
  'master.console_max_mib_per_atom': ['2', 2 * MIB],
  'master.results_max_mib_per_build': ['2', 2 * MIB],
  'master.max_json_depth': ['100', 100],
  'master.header_timeout': ['5', 5],
  'master.body_timeout': ['6.5', 6.5],
  'master.max_requests_per_slave': ['300', 300],
  'master.max_reads_per_address': ['9', 9],
  'master.max_unread_megabytes': ['9', 9 * MIB],
  'master.unread_timeout': ['9', 9],
  'master.max_failed_signatures': ['7', 7],
  'slave.port': ['0', 0],
  'slave.address': ['0.0.0.0', '0.0.0.0'],
  'slave.num_executors': ['8', 8],
  'slave.master_hostname': ['ci.example', 'ci.example'],
  'slave.master_port': ['5001', 5001],
  'slave.workspaces_kept': ['0', 0],
  'slave.dependency_cache_max_mib': ['0', 0],
  'slave.reuse_shells': ['no', false],
  'slave.remote_file_max_mib': ['100', 100 * MIB],
  'slave.remote_files_timeout': ['60', 60],
  'slave.env_passthrough': ['JAVA_HOME, NPM_*', ['JAVA_HOME', 'NPM_*']],
  'slave.redact': ['TOKEN', ['TOKEN']],
  'slave.heartbeat_interval': ['60', 60],
  'slave.heartbeat_failure_threshold': ['3', 3],
};

function settingOf(config: LoadedConfig, { section, name }: KeyEntry): unknown {
  const holder: object = section === 'general' ? config : section === 'master' ? config.master : config.slave;
  return Object.entries(holder).find(([property]) => property === settingName(name))?.[1];
}

/** HTTPS needs both of its files. */
function partner(entry: KeyEntry): KeyEntry[] {
  const other = /^https_(cert|key)_file$/.test(entry.name);
  return other
    ? keyEntries.filter(({ name }) => /^https_(cert|key)_file$/.test(name) && name !== entry.name)
    : [];
}

function sample(entry: KeyEntry): readonly [string, unknown] {
  const found = samples[entry.fullName];
  if (found === undefined) {
    throw new Error(`no sample for ${entry.fullName}`);
  }
  return found;
}

describe('every key of the configuration', () => {
  let home: string;
  let file: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'config-'));
    file = join(home, 'clusterrunner.conf');
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const write = (entries: readonly KeyEntry[], base = '') => {
    const lines = entries.map((entry) => `[${entry.section}]\n${entry.name} = ${sample(entry)[0]}\n`);
    const secret = entries.some(({ key }) => key.isSecret) ? '' : '[general]\nsecret = from the file\n';
    writeFileSync(file, base + secret + lines.join(''), { mode: 0o600 });
  };

  it('has a sample in this test, and no sample is without its key', () => {
    expect(Object.keys(samples)).to.deep.equal(keyEntries.map(({ fullName }) => fullName));
  });

  for (const entry of keyEntries) {
    const group = [entry, ...partner(entry)];
    const isExplicit = (config: LoadedConfig) =>
      Reflect.apply(config.isExplicit, config, [entry.fullName]) === true;

    it(`${entry.fullName} is set by the file`, () => {
      write(group);
      const config = loadConfig({ configFile: file, env: { HOME: home } });
      expect(settingOf(config, entry)).to.deep.equal(sample(entry)[1]);
      expect(isExplicit(config)).to.equal(true);
    });

    it(`${entry.fullName} is set by each of its environment variables, which override the file`, () => {
      for (const name of entry.env) {
        writeFileSync(file, '[general]\nsecret = from the file\n', { mode: 0o600 });
        const others = partner(entry).map((other) => [other.env[0], sample(other)[0]]);
        const env = { HOME: home, ...Object.fromEntries(others), [name]: sample(entry)[0] };
        const config = loadConfig({ configFile: file, env });
        expect(settingOf(config, entry)).to.deep.equal(sample(entry)[1]);
        expect(isExplicit(config)).to.equal(true);
      }
    });

    it(`${entry.fullName} is set by the command line, which overrides the environment`, () => {
      write([]);
      const flags = Object.fromEntries(group.map((one) => [one.fullName, sample(one)[0]]));
      const invalidElsewhere = entry.key.type.read('1', { home, directory: home }) === undefined;
      const env = { HOME: home, ...(invalidElsewhere ? {} : { [entry.env[0]]: '1' }) };
      const config = loadConfig({ configFile: file, env, flags });
      expect(settingOf(config, entry)).to.deep.equal(sample(entry)[1]);
      expect(isExplicit(config)).to.equal(true);
    });

    it(`${entry.fullName} has its default when nothing sets it, and is not explicit then`, () => {
      const config = loadConfig({ configFile: file, env: { HOME: home } });
      const { defaultValue } = entry.key;
      if ('text' in defaultValue) {
        const place = { home, directory: home };
        expect(settingOf(config, entry)).to.deep.equal(
          settingValue(entry.name, entry.key.type.read(defaultValue.text, place)),
        );
      }
      expect(isExplicit(config)).to.equal(entry.fullName === 'general.secret');
    });

    it(`${entry.fullName} is in the generated file, commented out, with its description`, () => {
      loadConfig({ configFile: file, env: { HOME: home } });
      const written = readFileSync(file, 'utf8');
      const own = written.slice(written.indexOf(`[${entry.section}]`));
      expect(own).to.match(new RegExp(`^# ${entry.name} =`, 'm'));
      expect(written.replace(/\n# /g, ' ')).to.include(entry.key.doc);
      expect(own).to.include(shownDefault(entry.key).replace('generated at first use', ''));
    });
  }

  it('shares no environment variable with another, except the port of the master', () => {
    const names = keyEntries.flatMap(({ env }) => env);
    const shared = names.filter((name, index) => names.indexOf(name) !== index);
    expect(shared).to.deep.equal(['CLUSTERRUNNER_MASTER_PORT']);
  });

  it('is in docs/configuration.md with the default and description of the schema', () => {
    const page = readFileSync(join(root, 'docs', 'configuration.md'), 'utf8');
    const [, tables] = /<!-- settings: begin -->\n([\s\S]*)\n<!-- settings: end -->/.exec(page) ?? [];
    expect(tables).to.equal(configurationTables());
    for (const { name, key } of keyEntries) {
      expect(tables).to.include(`| \`${name}\` | `);
      expect(tables).to.include(shownDefault(key));
    }
  });

  it('is a setting of the same name in code, with sizes in bytes, and there are no other settings', () => {
    const config = loadConfig({ configFile: file, env: { HOME: home } });
    for (const section of ['master', 'slave'] as const) {
      const names = keyEntries
        .filter((entry) => entry.section === section)
        .map(({ name }) => settingName(name));
      expect(Object.keys(config[section])).to.deep.equal(names);
      expect(defaultSettings(section)).to.deep.equal(config[section]);
    }
    expect(settingName('artifacts_max_mib_per_atom')).to.equal('artifactsMaxBytesPerAtom');
  });

  it('is used under that name, unless it is without effect', () => {
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && name !== join('config', 'schema.ts'))
      .map((name) => readFileSync(join(root, 'src', name), 'utf8'));
    const program = files.join('\n');
    const unused = keyEntries.filter(({ name }) => !new RegExp(`\\b${settingName(name)}\\b`).test(program));
    expect(unused.filter(({ key }) => !key.doc.includes('without effect'))).to.deep.equal([]);
  });

  it('has its default in the schema only', () => {
    // A cluster of one command has a port and an address of its own.
    const named = keyEntries
      .filter(({ section, name }) => section !== 'general' && !/^(port|address)$/.test(name))
      .map(({ name }) => settingName(name));
    const repeated = new RegExp(`\\b(${named.join('|')})\\b( \\?\\? (?!null)|: \\d|\\s*=\\s*\\d)`);
    for (const name of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
      if (name.endsWith('.ts') && !name.startsWith('config/')) {
        const lines = readFileSync(join(root, 'src', name), 'utf8').split('\n');
        expect(
          lines.filter((line) => repeated.test(line) && !isOptional.test(line)),
          name,
        ).to.deep.equal([]);
      }
    }
  });
});
