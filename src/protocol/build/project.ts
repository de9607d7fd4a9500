import { type Static, Type } from '@sinclair/typebox';
import { CommitSchema } from '../bundle.js';

/** A git repository; `branch` is any ref (null: the remote's HEAD), `hash` a commit to reset hard to. */
export const GitProjectSchema = Type.Object(
  {
    type: Type.Literal('git'),
    url: Type.String({ minLength: 1 }),
    remote: Type.String({ minLength: 1 }),
    branch: Type.Union([Type.String({ minLength: 1 }), Type.Null()]),
    hash: Type.Union([Type.String({ minLength: 1 }), Type.Null()]),
    /** The folder in the repository that holds clusterrunner.yaml; null: its top. */
    project_directory: Type.Union([Type.String(), Type.Null()]),
  },
  { additionalProperties: false },
);

/** A folder that every slave has at the same absolute path. */
export const DirectoryProjectSchema = Type.Object(
  { type: Type.Literal('directory'), project_directory: Type.String({ minLength: 1 }) },
  { additionalProperties: false },
);

/** A commit of a working tree, without history, that only the master has and passes on. */
export const SnapshotProjectSchema = Type.Object(
  {
    type: Type.Literal('snapshot'),
    hash: CommitSchema,
    /** URL of its repository, if there is one: identifies the project, and resolves URLs of submodules. */
    url: Type.Union([Type.String({ minLength: 1 }), Type.Null()]),
    project_directory: Type.Union([Type.String(), Type.Null()]),
  },
  { additionalProperties: false },
);

export const ProjectSchema = Type.Union([GitProjectSchema, DirectoryProjectSchema, SnapshotProjectSchema]);
export type GitProject = Static<typeof GitProjectSchema>;
export type DirectoryProject = Static<typeof DirectoryProjectSchema>;
export type SnapshotProject = Static<typeof SnapshotProjectSchema>;
export type Project = Static<typeof ProjectSchema>;

/** A file to be downloaded into the build's workspace; `name` is relative to it. */
export const RemoteFileSchema = Type.Object(
  { uri: Type.String(), name: Type.String() },
  { additionalProperties: false },
);
export type RemoteFile = Static<typeof RemoteFileSchema>;

/** Refs of proposed code, such as pull requests. */
const PROPOSED = /^refs\/(pull|merge-requests|pull-requests|changes)\/|^(pull|merge-requests)\/\d/;

/** The ref of a build of proposed code, whose results only builds of the same ref may use; null for any other build. */
export function proposedRef(project: Project): string | null {
  const ref = project.type === 'git' ? project.branch : null;
  return ref !== null && PROPOSED.test(ref) ? ref : null;
}
