import type { Ajv, Options, ValidateFunction } from 'ajv';

/** For schemas of the program's own: that they are schemas a test proves, once for all starts. */
export const ownSchemas: Options = { meta: false, validateSchema: false, code: { optimize: false } };

/** Compiles a schema when it is first asked about: a start has dozens, and most runs need a few of them. */
export function lazyValidator<T>(ajv: Ajv, schema: object): () => ValidateFunction<T> {
  let compiled: ValidateFunction<T> | null = null;
  return () => {
    compiled ??= ajv.compile<T>(schema);
    return compiled;
  };
}
