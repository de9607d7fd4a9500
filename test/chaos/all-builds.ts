import { basename } from 'node:path';
import type { MasterClient } from '../../src/client/master-client.js';
import type { Build } from '../../src/protocol/build/build.js';
import type { Atom } from '../../src/protocol/build/work.js';
import type { Plan } from './plans.js';

const PAGE = 500;

/** Every build that the master knows, oldest first. @throws ClusterRunnerError as the client does */
export async function allBuilds(client: MasterClient): Promise<Build[]> {
  const all: Build[] = [];
  for (;;) {
    const { builds, total } = await client.listBuilds({ offset: all.length, limit: PAGE });
    all.push(...builds);
    if (builds.length === 0 || all.length >= total) {
      return all.sort((a, b) => a.id - b.id);
    }
  }
}

/** Every atom of a build. @throws ClusterRunnerError as the client does */
export async function allAtoms(client: MasterClient, build: Build['id']): Promise<Atom[]> {
  const all: Atom[] = [];
  for (;;) {
    const { atoms, total } = await client.listAtoms(build, { offset: all.length, limit: PAGE });
    all.push(...atoms);
    if (atoms.length === 0 || all.length >= total) {
      return all;
    }
  }
}

/** The plan of a build. */
export function planOf(plans: readonly Plan[], build: Build): Plan | undefined {
  const { project_directory } = build.request_params;
  return plans.find(({ folder }) => folder === basename(project_directory ?? ''));
}
