import { tmpdir } from 'node:os';
import { systemClock } from '../../src/lib/clock.js';
import {
  openWorkspace,
  type Workspace,
  type WorkspaceOptions,
} from '../../src/project/workspace/open-workspace.js';
import type { GitProject, Project } from '../../src/protocol/build/project.js';
import { toId } from '../../src/protocol/ids.js';

/** A repository of a build request, by default at its HEAD. */
export function gitProject(url: string, more: Partial<GitProject> = {}): GitProject {
  return { type: 'git', url, remote: 'origin', branch: null, hash: null, project_directory: null, ...more };
}

/** Opens the workspace of build 1 on a slave that by default asks only the origin. */
export function openOn(
  root: string,
  project: Project,
  { build = 1, ...more }: Partial<WorkspaceOptions> & { readonly build?: number } = {},
): Promise<Workspace> {
  return openWorkspace({
    project,
    remoteFiles: [],
    buildId: toId.build(build),
    root,
    gitStrictHostKeyChecking: true,
    workspacesKept: 2,
    remoteFileLimits: { remoteFileMaxBytes: 1024 ** 2, remoteFilesTimeout: 60 },
    random: () => 0,
    env: { PATH: process.env.PATH ?? '', HOME: tmpdir() },
    relay: null,
    warn: () => undefined,
    signal: new AbortController().signal,
    clock: systemClock,
    ...more,
  });
}
