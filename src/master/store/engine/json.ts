import type { Static, TSchema } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { lazyValidator, ownSchemas } from '../../../lib/lazy-validator.js';

const ajv = new Ajv(ownSchemas);

/** A reader of a JSON column that proves its shape. @throws Error for a row that this version did not write. */
export function jsonColumn<T extends TSchema>(schema: T, column: string): (text: string) => Static<T> {
  const validator = lazyValidator<Static<T>>(ajv, schema);
  return (text) => {
    const holds = validator();
    const value: unknown = JSON.parse(text);
    if (!holds(value)) {
      throw new Error(`The store's ${column} is damaged: ${ajv.errorsText(holds.errors)}.`);
    }
    return value;
  };
}
