import type { Ajv, Options, ValidateFunction } from 'ajv';

/** For the program's own schemas, whose validity is checked by a test instead of at each start. */
export const ownSchemas: Options = { meta: false, validateSchema: false, code: { optimize: false } };

/** Compiles a schema at its first use: there are dozens, and most runs need a few of them. */
export function lazyValidator<T>(ajv: Ajv, schema: object): () => ValidateFunction<T> {
  let compiled: ValidateFunction<T> | null = null;
  return () => {
    compiled ??= ajv.compile<T>(schema);
    return compiled;
  };
}
