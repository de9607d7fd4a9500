import type { TObject, TSchema } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { lazyValidator, ownSchemas } from '../../lib/lazy-validator.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { type Part, validationMessage } from './response/validation-message.js';

const ajv = new Ajv({ ...ownSchemas, useDefaults: true, verbose: true });

export type Check<T> = (value: unknown) => asserts value is T;

/**
 * A check by a schema. It fills in defaults, and throws INVALID_REQUEST with a message that names the field.
 */
export function compileCheck<T>(schema: TSchema, part: Part): Check<T> {
  const validator = lazyValidator<T>(ajv, schema);
  return (value: unknown): asserts value is T => {
    const validate = validator();
    if (!validate(value)) {
      throw new ClusterRunnerError('INVALID_REQUEST', validationMessage(validate.errors ?? [], part));
    }
  };
}

/** Numbers as written in a URL. Not `0x10`, `1e3`, ` 1` or `01`, which Number() would accept. */
const NUMBERS: Readonly<Record<string, RegExp>> = {
  integer: /^(0|[1-9]\d{0,15})$/,
  number: /^(0|[1-9]\d{0,15})(\.\d{1,15})?$/,
};

/**
 * Turns texts of a URL into numbers where the schema has numbers. A text that is no number, or one too large to be exact,
 * stays as it is, and is refused by the check that follows.
 */
export function coerceTexts(
  schema: TObject,
  texts: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      const type: unknown = Object.hasOwn(schema.properties, name) ? schema.properties[name]?.type : null;
      const form = typeof type === 'string' ? NUMBERS[type] : undefined;
      const isNumber =
        typeof text === 'string' && form?.test(text) === true && Number(text) <= Number.MAX_SAFE_INTEGER;
      return [name, isNumber ? Number(text) : text];
    }),
  );
}
