import type { Static, TSchema } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { lazyValidator, ownSchemas } from '../../../lib/lazy-validator.js';

/** Whether a value that the driver returned is what the column holds. */
export type Column<T> = (value: unknown) => value is T;

/** The columns of a table or of the result of a query, by name. */
export type Columns = Readonly<Record<string, Column<unknown>>>;

export type Row<C extends Columns> = {
  readonly [Name in keyof C]: C[Name] extends Column<infer T> ? T : never;
};

export const integer: Column<number> = (value): value is number => Number.isSafeInteger(value);
export const real: Column<number> = (value): value is number => typeof value === 'number';
export const text: Column<string> = (value): value is string => typeof value === 'string';

export function oneOf<T extends string>(...values: readonly T[]): Column<T> {
  const known = new Set<unknown>(values);
  return (value): value is T => known.has(value);
}

export function nullable<T>(column: Column<T>): Column<T | null> {
  return (value): value is T | null => value === null || column(value);
}

/** Checks what the driver returned. Rows may have more columns. @throws Error for a row that this version did not write */
export function readRows<C extends Columns>(rows: readonly unknown[], columns: C): Row<C>[] {
  return rows.map((row) => {
    if (!isRow(row, columns)) {
      throw new Error(`The store is damaged: a row has ${JSON.stringify(row)}.`);
    }
    return row;
  });
}

function isRow<C extends Columns>(row: unknown, columns: C): row is Row<C> {
  if (typeof row !== 'object' || row === null) {
    return false;
  }
  for (const name in columns) {
    if (columns[name]?.(Reflect.get(row, name)) !== true) {
      return false;
    }
  }
  return true;
}

const ajv = new Ajv(ownSchemas);

/** A reader of a JSON column that checks its shape. @throws Error for a text that this version did not write */
export function jsonColumn<T extends TSchema>(schema: T, column: string): (json: string) => Static<T> {
  const validator = lazyValidator<Static<T>>(ajv, schema);
  return (json) => {
    const isValid = validator();
    const value: unknown = JSON.parse(json);
    if (!isValid(value)) {
      throw new Error(`The store's ${column} is damaged: ${ajv.errorsText(isValid.errors)}.`);
    }
    return value;
  };
}
