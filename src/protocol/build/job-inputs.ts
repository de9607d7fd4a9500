import { type Static, Type } from '@sinclair/typebox';

/** Longest path that systems accept. */
export const MAX_PATH = 4096;
const MAX_INPUTS = 1000;
/** The name of an environment variable. */
export const VARIABLE_NAME = '^[A-Za-z_][A-Za-z0-9_]*$';

const closed = { additionalProperties: false };

const InputFilesSchema = Type.Array(Type.String({ minLength: 1, maxLength: MAX_PATH }), {
  minItems: 1,
  maxItems: MAX_INPUTS,
  description: 'Patterns of files; $VARIABLE of an atomizer stands for the value of the atom.',
});

/** Everything that the verdict of an atom depends on, besides the job itself. */
export const InputsSchema = Type.Union(
  [
    InputFilesSchema,
    Type.Object(
      {
        files: InputFilesSchema,
        environment: Type.Optional(
          Type.Array(Type.String({ pattern: VARIABLE_NAME }), {
            maxItems: MAX_INPUTS,
            description: 'Environment variables of the slave.',
          }),
        ),
        versions: Type.Optional(
          Type.Array(Type.String({ minLength: 1 }), {
            maxItems: 100,
            description: 'Shell lines; their output identifies the tools of the slave.',
          }),
        ),
      },
      closed,
    ),
  ],
  { description: 'The files, or {files, environment, versions}, that the verdict of an atom depends on.' },
);
export type InputsDefinition = Static<typeof InputsSchema>;

const cachePaths = (description: string, maxItems: number) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: MAX_PATH }), { minItems: 1, maxItems, description }),
  );

/** A boolean says whether atoms are cached. */
export const CacheSchema = Type.Union(
  [
    Type.Boolean(),
    Type.Object(
      {
        atoms: Type.Optional(
          Type.Boolean({
            description: 'Whether atoms that have passed with the same inputs count as passed without a run.',
          }),
        ),
        key: cachePaths('Files whose contents identify the cached paths.', 100),
        paths: cachePaths(
          'Folders or files that setup_build makes, in the folder of clusterrunner.yaml.',
          20,
        ),
      },
      closed,
    ),
  ],
  { description: 'What a build takes over from earlier ones: passed atoms, files of setup_build.' },
);
export type CacheDefinition = Static<typeof CacheSchema>;

/** The sections that say what is cached. */
interface CacheSections {
  readonly inputs?: InputsDefinition;
  readonly cache?: CacheDefinition;
}

export interface JobInputs {
  readonly files: readonly string[];
  readonly environment: readonly string[];
  readonly versions: readonly string[];
}

/** The inputs of a job whose atoms are cached; null for any other job. */
export function cachedInputs({ inputs, cache }: CacheSections): JobInputs | null {
  const isOn = typeof cache === 'object' ? cache.atoms === true : cache === true;
  return inputs !== undefined && isOn ? inputsOf(inputs) : null;
}

export function inputsOf(inputs: InputsDefinition): JobInputs {
  return Array.isArray(inputs)
    ? { files: inputs, environment: [], versions: [] }
    : { environment: [], versions: [], ...inputs };
}

/** The files of `setup_build` that later builds reuse. */
export interface DependencyCacheDefinition {
  readonly key: string[];
  readonly paths: string[];
}

/** null for a job without a dependency cache. */
export function dependencyCacheOf({ cache }: CacheSections): DependencyCacheDefinition | null {
  if (typeof cache !== 'object' || cache.key === undefined || cache.paths === undefined) {
    return null;
  }
  const { key, paths } = cache;
  return { key, paths };
}

/** The same definition for a program that does not know cached atoms. */
export function withoutCachedAtoms<T extends CacheSections>(
  definition: T,
): Omit<T, 'inputs' | 'cache'> & { cache?: DependencyCacheDefinition } {
  const { inputs: _, cache: __, ...rest } = definition;
  const dependencies = dependencyCacheOf(definition);
  return dependencies === null ? rest : { ...rest, cache: dependencies };
}
