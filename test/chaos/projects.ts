import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GitProject } from '../support/project.js';
import { batchScript } from './batch-plans.js';
import { atomScript, type Plan } from './plans.js';

/** The files of all plans: folders for the directory builds, one repository with a folder each for the git builds. */
export class Projects {
  readonly #root: string;
  readonly repository: GitProject;

  private constructor(root: string, repository: GitProject) {
    this.#root = root;
    this.repository = repository;
  }

  static async create(root: string, plans: readonly Plan[]): Promise<Projects> {
    const files = (of: Plan['type']) =>
      Object.fromEntries(
        plans
          .filter(({ type }) => type === of)
          .flatMap(({ folder, yaml }) => [
            [join(folder, 'clusterrunner.yaml'), yaml],
            [join(folder, 'atom.sh'), atomScript],
            [join(folder, 'batch.sh'), batchScript],
          ]),
      );
    for (const [name, content] of Object.entries(files('directory'))) {
      mkdirSync(join(root, 'directories', name, '..'), { recursive: true });
      writeFileSync(join(root, 'directories', name), content);
    }
    const repository = await GitProject.create(join(root, 'repository'), files('git'));
    return new Projects(root, repository);
  }

  directoryOf({ folder }: Plan): string {
    return join(this.#root, 'directories', folder);
  }
}
