import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './processes.js';

/** Path to content; a content that begins with `#!` becomes executable. */
export type Files = Readonly<Record<string, string>>;

export function writeFiles(directory: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const file = join(directory, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    if (content.startsWith('#!')) {
      chmodSync(file, 0o755);
    }
  }
}

/** A git repository for one test. */
export class GitProject {
  private constructor(readonly directory: string) {}

  static async create(directory: string, files: Files): Promise<GitProject> {
    mkdirSync(directory, { recursive: true });
    const project = new GitProject(directory);
    await project.git('init', '--quiet', '--initial-branch=main');
    await project.commit(files);
    return project;
  }

  /** An existing repository. */
  static at(directory: string): GitProject {
    return new GitProject(directory);
  }

  /** The last commit of another repository, without its uncommitted changes. */
  static async clone(from: string, directory: string): Promise<GitProject> {
    mkdirSync(directory, { recursive: true });
    const project = new GitProject(directory);
    await project.git('clone', '--quiet', '--no-hardlinks', from, '.');
    return project;
  }

  get url(): string {
    return `file://${this.directory}`;
  }

  /** Resolves with the hash of the commit. */
  async commit(files: Files): Promise<string> {
    writeFiles(this.directory, files);
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '--message', 'a change');
    return this.git('rev-parse', 'HEAD');
  }

  /** Runs git in the repository, independent of the user's settings; resolves with its output. */
  async git(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run('git', args, {
      cwd: this.directory,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: this.directory,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: 'A Tester',
        GIT_AUTHOR_EMAIL: 'tester@example.com',
        GIT_COMMITTER_NAME: 'A Tester',
        GIT_COMMITTER_EMAIL: 'tester@example.com',
      },
    });
    if (exitCode !== 0) {
      throw new Error(`git ${args.join(' ')} failed: ${stderr}`);
    }
    return stdout.trim();
  }
}
