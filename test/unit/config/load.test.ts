import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { type LoadOptions, loadConfig } from '../../../src/config/load.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';

const SECRET = '[general]\nsecret = long enough\n';
const moduleUrl = new URL('../../../src/config/load.js', import.meta.url).href;

describe('the configuration', () => {
  let home: string;
  let file: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'config-'));
    file = join(home, '.clusterrunner', 'clusterrunner.conf');
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const write = (content: string, mode = 0o600) => {
    mkdirSync(join(home, '.clusterrunner'), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  };
  const load = (options: Partial<LoadOptions> = {}) =>
    loadConfig({ ...options, env: { HOME: home, ...options.env } });
  const refusal = (options: Partial<LoadOptions> = {}, code = 'CONFIG_INVALID') => {
    try {
      load(options);
    } catch (error) {
      if (error instanceof ClusterRunnerError && error.code === code) {
        return error.message;
      }
      throw error;
    }
    throw new Error('it was accepted');
  };

  it('is written at first use, for its owner only, with a new secret and nothing else set', () => {
    const config = load();
    expect(config.configFile).to.equal(file);
    expect(config.baseDirectory).to.equal(join(home, '.clusterrunner'));
    expect(config.secret).to.match(/^[0-9a-f]{64}$/);
    expect(config.hostname).to.equal(hostname());
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(statSync(join(home, '.clusterrunner')).mode & 0o777).to.equal(0o700);
    const set = readFileSync(file, 'utf8').match(/^[^#\n[].*$/gm);
    expect(set).to.deep.equal([`secret = ${config.secret}`]);
    expect(load().secret).to.equal(config.secret);
    expect(readdirSync(join(home, '.clusterrunner'))).to.deep.equal(['clusterrunner.conf']);
  });

  it('is deeply frozen', () => {
    const config = load();
    expect(
      Object.isFrozen(config) && Object.isFrozen(config.master) && Object.isFrozen(config.slave),
    ).to.equal(true);
    expect(Object.isFrozen(config.slaves)).to.equal(true);
  });

  for (const [title, before] of [
    ['no file yet', null],
    ['a file without a secret', '# mine\n[master]\nport = 4000\n'],
  ] as const) {
    it(`gives processes that start at the same time with ${title} the same secret`, async () => {
      if (before !== null) {
        write(before);
      }
      const program = `import { loadConfig } from ${JSON.stringify(moduleUrl)};
        process.stdout.write(loadConfig({ env: { HOME: ${JSON.stringify(home)} } }).secret);`;
      const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
      const runs = await Promise.all(Array.from({ length: 6 }, run));
      expect(new Set(runs.map(({ stdout }) => stdout))).to.deep.equal(new Set([load().secret]));
      expect(readdirSync(join(home, '.clusterrunner'))).to.deep.equal(['clusterrunner.conf']);
    });
  }

  it('adds a secret to a file that has none, and keeps the rest of the file', () => {
    const content = '# first\r\n[master]\r\nport = 4000\r\n[general] ; mine\r\nlog_level = WARNING';
    write(content, 0o644);
    const config = load();
    expect(config.master.port).to.equal(4000);
    expect(config.logLevel).to.equal('warn');
    const added = `secret = ${config.secret}\r\n`;
    expect(readFileSync(file, 'utf8')).to.equal(content.replace('mine\r\n', `mine\r\n${added}`));
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  it('uses the claimed secret of a process that died before it could write it', () => {
    write('[general]\n');
    writeFileSync(`${file}.new-secret`, 'claimed and abandoned', { mode: 0o600 });
    expect(load().secret).to.equal('claimed and abandoned');
    expect(readdirSync(join(home, '.clusterrunner'))).to.deep.equal(['clusterrunner.conf']);
  });

  it('leaves a file without a secret alone when the environment has the secret', () => {
    write('[general]\n', 0o644);
    expect(load({ env: { CLUSTERRUNNER_SECRET: 'from outside' } }).secret).to.equal('from outside');
    expect(readFileSync(file, 'utf8')).to.equal('[general]\n');
  });

  it('refuses a file with a secret that others can read, with the command that fixes it', () => {
    for (const mode of [0o640, 0o604, 0o620]) {
      write(SECRET, mode);
      expect(refusal()).to.match(new RegExp(`chmod 600 ${file}$`));
    }
    chmodSync(file, 0o600);
    expect(load().secret).to.equal('long enough');
  });

  it('refuses a short secret from any source without printing it', () => {
    write('[general]\nsecret = hunter2\n');
    expect(refusal())
      .to.match(/line 2: "secret" must be at least 8 characters/)
      .and.not.include('hunter2');
    expect(refusal({ env: { CLUSTERRUNNER_SECRET: 'hunter2' } })).to.not.include('hunter2');
  });

  for (const [content, problem] of [
    [
      '[generl]\n',
      /line 1: there is no section \[generl\]; the sections are \[general\], \[master\], \[slave\]/,
    ],
    ['\n[master]\nprot = 1\n', /line 3: there is no key "prot" in \[master\]; the keys there are port, /],
    ['[master]\nport = http\n', /line 2: "port" must be a whole number from 0 to 65535, not "http"/],
    [
      '[master]\nport = 1\n[general]\n[master]\nport = 2\n',
      /line 5: "port" is set again; line 2 sets it already/,
    ],
    ['[master]\nport\n', /line 2: this is neither/],
    ['port = 1\n', /line 1: "port" is before the first section/],
    ['[general]\nhostname = "me\n', /line 2: the value of "hostname" begins with a quote/],
    ['[slave]\nnum_executors = 0\n', /line 2: "num_executors" must be a whole number from 1/],
    ['[general]\ncors_allowed_origins_regex = (\n', /line 2: .* must be a regular expression/],
    ['[general]\ncors_allowed_origins_regex = (?=a)a\n', /line 2: .* without lookaround/],
    ['[general]\ngit_strict_host_key_checking = maybe\n', /line 2: .* must be true or false, not "maybe"/],
    ['[general]\nhttps_cert_file = /a\n', /Only one of https_cert_file and https_key_file is set/],
  ] as const) {
    it(`refuses ${JSON.stringify(content)} with file, line and key`, () => {
      write(`${content}`);
      const message = refusal();
      expect(message).to.match(problem).and.include(file);
    });
  }

  it('reads quotes, comments after values, empty values, repeated sections, CRLF and a byte order mark', () => {
    write(
      '\uFEFF[general]\r\nsecret = "p#ss; word"  # mine\r\nhostname = a#b ; c\r\nslaves =\r\n' +
        "[slave]\r\n[general]\r\nbuild_symlink_directory = 'it is here' \r\n",
    );
    const config = load();
    expect(config.secret).to.equal('p#ss; word');
    expect(config.hostname).to.equal('a#b');
    expect(config.slaves).to.deep.equal(['localhost']);
    expect(config.isExplicit('general.slaves')).to.equal(false);
    expect(config.buildSymlinkDirectory).to.equal(join(home, '.clusterrunner', 'it is here'));
  });

  it('reads a known key from another section, with a warning that names its own', () => {
    write(`${SECRET}[master]\nnum_executors = 3\n[general]\nport = 5000\nmaster_hostname = ci.example\n`);
    const config = load();
    expect(config.slave.numExecutors).to.equal(3);
    expect([config.master.port, config.slave.port]).to.deep.equal([5000, 5000]);
    expect(config.slave.masterHostname).to.equal('ci.example');
    expect(config.warnings).to.deep.equal([
      `${file}, line 4: "num_executors" is read from [master]; it belongs to [slave].`,
      `${file}, line 6: "port" is read from [general]; it belongs to [master] and [slave].`,
      `${file}, line 7: "master_hostname" is read from [general]; it belongs to [slave].`,
    ]);
  });

  it('prefers a key in its own section, and warns that the one in another has no effect', () => {
    write(`${SECRET}[general]\nnum_executors = 3\n[slave]\nnum_executors = 4\n`);
    const config = load();
    expect(config.slave.numExecutors).to.equal(4);
    expect(config.warnings).to.deep.equal([
      `${file}, line 4: "num_executors" in [general] has no effect; it belongs to [slave], which sets it.`,
    ]);
  });

  it('prefers a general key in the section of the service that reads the file', () => {
    write(`${SECRET}log_level = error\n[master]\nlog_level = DEBUG\n[slave]\nlog_level = WARNING\n`);
    expect(load({ service: 'master' }).logLevel).to.equal('debug');
    expect(load({ service: 'slave' }).logLevel).to.equal('warn');
    expect(load().logLevel).to.equal('error');
  });

  it('reads the names of log files from the sections of services without a warning', () => {
    write(`${SECRET}[master]\nlog_filename = m.log\n[slave]\nlog_filename = s.log\n`);
    expect(load({ service: 'master' })).to.deep.include({ logFilename: 'm.log', warnings: [] });
    expect(load({ service: 'slave' })).to.deep.include({ logFilename: 's.log', warnings: [] });
  });

  for (const [text, names] of [
    ['"h1", \'h2\'', ['h1', 'h2']],
    ['h1, h2,', ['h1', 'h2']],
    ['"h1",', ['h1']],
    ['h1 , "h2",   # the fast ones', ['h1', 'h2']],
  ] as const) {
    it(`reads the list ${text} with a warning to write it plainly`, () => {
      write(`${SECRET}slaves = ${text}\n`);
      const config = load();
      expect(config.slaves).to.deep.equal(names);
      expect(config.warnings).to.deep.equal([
        `${file}, line 3: "slaves" is read as the list ${names.join(', ')}; write it so, without quotes.`,
      ]);
    });
  }

  it('refuses a list with an unclosed quote', () => {
    write(`${SECRET}slaves = h1, "h2\n`);
    expect(refusal()).to.include('line 3: the value of "slaves" begins with a quote that does not end it');
  });

  it('warns of a "#" in a secret without quotes, and not in quotes', () => {
    write('[general]\nsecret = correct#horse\n');
    expect(load()).to.deep.include({ secret: 'correct#horse' });
    expect(load().warnings).to.have.length(1);
    expect(load().warnings[0])
      .to.match(/line 2: the "#" belongs to the value of "secret"/)
      .and.not.include('horse');
    write('[general]\nsecret = correct horse #battery\n');
    expect(load()).to.deep.include({ secret: 'correct horse' });
    expect(load().warnings[0]).to.match(/ends before the "#"; the rest is a comment/);
    write('[general]\nsecret = "correct#horse" # mine\n');
    expect(load().warnings).to.deep.equal([]);
  });

  it('prefers the command line to the environment, that to the file, and that to the default', () => {
    write(`${SECRET}[master]\nport = 1\n[slave]\nport = 1\nnum_executors = 1\n`);
    const env = { CLUSTERRUNNER_MASTER_PORT: '2', CLUSTERRUNNER_SLAVE_PORT: '2' };
    const config = load({ env, flags: { 'master.port': '3' } });
    expect([config.master.port, config.slave.port, config.slave.numExecutors]).to.deep.equal([3, 2, 1]);
    expect(config.slave.masterPort).to.equal(2);
    expect(config.slave.heartbeatInterval).to.equal(10);
  });

  it('checks a value of the file even if it is overridden', () => {
    write(`${SECRET}[master]\nport = x\n`);
    expect(refusal({ flags: { 'master.port': '3' } })).to.include('line 4');
  });

  it('names the option that has an invalid value', () => {
    expect(refusal({ flags: { 'slave.num_executors': 'many' } }, 'USAGE')).to.match(
      /^--num-executors must be a whole number from 1 to 10000, not "many"/,
    );
  });

  it('refuses a base directory in a file system in which nobody can make files', () => {
    for (const directory of ['/proc', '/proc/foo', '/sys/x', '/srv/../proc/foo']) {
      expect(refusal({ env: { CLUSTERRUNNER_BASE_DIRECTORY: directory } })).to.contain(
        `must be a path outside of /proc and /sys, not "${directory}"`,
      );
    }
  });

  it('refuses an unknown CLUSTERRUNNER_ variable and lists the settings', () => {
    expect(refusal({ env: { CLUSTERRUNNER_LOGLEVEL: 'debug' } })).to.match(
      /CLUSTERRUNNER_LOGLEVEL is no setting.*CLUSTERRUNNER_LOG_LEVEL/,
    );
  });

  it('ignores the variables of builds, empty variables, and those of Kubernetes', () => {
    const config = load({
      env: {
        CLUSTERRUNNER: 'true',
        CLUSTERRUNNER_LOG_LEVEL: '',
        CLUSTERRUNNER_NONSENSE: '',
        CLUSTERRUNNER_MASTER_SERVICE_HOST: '10.0.0.1',
        CLUSTERRUNNER_MASTER_SERVICE_PORT_HTTP: '43000',
        CLUSTERRUNNER_MASTER_PORT: 'tcp://10.0.0.1:43000',
        CLUSTERRUNNER_MASTER_PORT_43000_TCP_ADDR: '10.0.0.1',
      },
    });
    expect(config.isExplicit('master.port')).to.equal(false);
    expect(config.isExplicit('general.log_level')).to.equal(false);
  });

  it('finds the file by the option, else the environment, else the base directory', () => {
    const [a, b] = [join(home, 'a.conf'), join(home, 'b.conf')];
    const base = join(home, 'base', 'deep');
    const env = { CLUSTERRUNNER_CONFIG_FILE: b, CLUSTERRUNNER_BASE_DIRECTORY: base };
    expect(load({ configFile: a, env }).configFile).to.equal(a);
    expect(load({ env }).configFile).to.equal(b);
    expect(load({ env: { CLUSTERRUNNER_BASE_DIRECTORY: base } }).configFile).to.equal(
      join(base, 'clusterrunner.conf'),
    );
    expect(statSync(base).mode & 0o777).to.equal(0o700);
  });

  it('says in one message that a file is a folder, or that its folder is missing or a file', () => {
    mkdirSync(file, { recursive: true });
    expect(refusal()).to.include(`${file} is not a file`);
    const missing = join(home, 'nowhere', 'x.conf');
    expect(refusal({ configFile: missing })).to.include(`the folder ${join(home, 'nowhere')} does not exist`);
    writeFileSync(join(home, 'plain'), '');
    expect(refusal({ configFile: join(home, 'plain', 'x.conf') })).to.match(/cannot be read: ENOTDIR/);
  });

  it('needs no file on a read-only disk if the environment has the secret', () => {
    const env = { CLUSTERRUNNER_SECRET: 'from outside' };
    const configFile = join(home, 'nowhere', 'x.conf');
    expect(load({ configFile, env }).secret).to.equal('from outside');
  });
});
