import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from './cluster.js';
import { run } from './processes.js';
import { eventually } from './wait.js';

/** A local OpenSSH server for one user who has a key and no password. */
export class SshServer {
  readonly #directory: string;
  readonly #stop: () => Promise<void>;

  private constructor(
    directory: string,
    readonly port: number,
    stop: () => Promise<void>,
  ) {
    this.#directory = directory;
    this.#stop = stop;
  }

  /** Why this machine cannot run one; null when it can. */
  static problem(): string | null {
    if (program('sshd') === null || program('ssh-keygen') === null) {
      return 'no sshd is installed';
    }
    // It requires this folder, owned by root.
    return process.getuid?.() === 0 && !makes('/run/sshd') ? '/run/sshd cannot be made' : null;
  }

  /** @param directory for its keys and settings; is created */
  static async start(directory: string): Promise<SshServer> {
    mkdirSync(directory, { mode: 0o700 });
    const at = (name: string) => join(directory, name);
    for (const name of ['host', 'other-host', 'user', 'other-user']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', at(name)]);
    }
    const port = await freePort();
    writeFileSync(
      at('sshd_config'),
      [
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${at('host')}`,
        `AuthorizedKeysFile ${at('user.pub')}`,
        'PidFile none',
        'StrictModes no',
        'PermitRootLogin yes',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        `SetEnv PATH=${process.env.PATH ?? ''}`,
        '',
      ].join('\n'),
    );
    const args = ['-D', '-e', '-f', at('sshd_config')];
    const server = spawn(program('sshd') ?? 'sshd', args, { stdio: 'ignore' });
    const ended = once(server, 'exit');
    await eventually('the SSH server responds', () => responds(port));
    return new SshServer(directory, port, async () => {
      server.kill();
      await ended;
    });
  }

  /** The URL of a repository in a folder of this machine. */
  url(folder: string): string {
    return `ssh://${userInfo().username}@127.0.0.1:${this.port}${folder}`;
  }

  /**
   * A `GIT_SSH_COMMAND` that ignores the settings of the user who runs the tests.
   * @param key 'user' is accepted, 'other-user' is not
   * @param host whose key is in `known_hosts`: 'host' is this server; null: none
   */
  command(key: 'user' | 'other-user', host: 'host' | 'other-host' | null): string {
    const known = join(this.#directory, `known-hosts-${key}-${host}`);
    const line =
      host === null
        ? ''
        : `[127.0.0.1]:${this.port} ${readFileSync(join(this.#directory, `${host}.pub`), 'utf8')}`;
    writeFileSync(known, line);
    const options = {
      UserKnownHostsFile: known,
      GlobalKnownHostsFile: '/dev/null',
      IdentityFile: join(this.#directory, key),
      IdentitiesOnly: 'yes',
      IdentityAgent: 'none',
    };
    return [
      'ssh -F /dev/null',
      ...Object.entries(options).map(([name, value]) => `-o ${name}=${value}`),
    ].join(' ');
  }

  /**
   * Its objection to a login of this user with the right key, whose account may be locked or without a shell; null:
   * none.
   */
  async refusal(): Promise<string | null> {
    const login = `${this.command('user', 'host')} -o BatchMode=yes -p ${this.port} ${userInfo().username}@127.0.0.1`;
    const { exitCode, stderr } = await run('sh', ['-c', `${login} exit 0`], {
      cwd: this.#directory,
      env: { PATH: process.env.PATH ?? '' },
    });
    return exitCode === 0 ? null : stderr.trim();
  }

  close(): Promise<void> {
    return this.#stop();
  }
}

/** Searches more folders than PATH: `sshd` must be started by its absolute path. */
function program(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

function makes(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    return true;
  } catch {
    // Read-only, for instance: then no server can run here.
    return false;
  }
}

async function responds(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'data');
    return true;
  } catch {
    // Not yet.
    return false;
  } finally {
    socket.destroy();
  }
}
