import { execFileSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority for one test, with its files in the test's directory. */
export class Certificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly #directory: string;
  readonly #caKey: string;

  /** Whether openssl is installed; says so if it is not. */
  static arePossible(): boolean {
    try {
      execFileSync('openssl', ['version'], { stdio: 'ignore' });
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        process.stdout.write('      (skipped: there is no openssl on this machine)\n');
        return false;
      }
      throw error;
    }
  }

  /** null, with a line that says so, without openssl. */
  static create(directory: string): Certificates | null {
    return Certificates.arePossible() ? new Certificates(directory) : null;
  }

  private constructor(directory: string) {
    this.#directory = directory;
    this.caFile = join(directory, 'ca.pem');
    this.certFile = join(directory, 'cert.pem');
    this.keyFile = join(directory, 'key.pem');
    this.#caKey = join(directory, 'ca-key.pem');
    const subject = ['-subj', '/CN=authority of a test', '-days', '2'];
    const files = ['-keyout', this.#caKey, '-out', this.caFile];
    this.#openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files);
    this.issue();
  }

  /** Makes a new certificate and key for this machine and replaces the old files, one after the other. */
  issue(): void {
    const at = (name: string) => join(this.#directory, name);
    writeFileSync(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', at('new-key')];
    this.#openssl('req', ...key, '-subj', '/CN=localhost', '-out', at('request'));
    const by = ['-CA', this.caFile, '-CAkey', this.#caKey, '-CAcreateserial', '-days', '2'];
    const files = ['-in', at('request'), '-extfile', at('names'), '-out', at('new-cert')];
    this.#openssl('x509', '-req', ...by, ...files);
    renameSync(at('new-cert'), this.certFile);
    renameSync(at('new-key'), this.keyFile);
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}
