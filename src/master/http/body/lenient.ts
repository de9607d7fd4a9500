import type { TObject, TSchema } from '@sinclair/typebox';
import { coerceTexts } from '../validate.js';

/*
 * Tolerance towards clients of the first API versions. Messages of slaves are taken strictly.
 */

/**
 * The query of a GET. Unknown parameters are dropped, since browsers, proxies and later versions add some, and numbers are
 * clamped to their bounds. A text that is no number stays, and is refused by the check that follows.
 */
export function lenientQuery(
  schema: TObject,
  texts: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const known = Object.entries(texts).filter(([name]) => Object.hasOwn(schema.properties, name));
  const clamped = known.map(([name, text]) => [name, clampedText(schema.properties[name], text)] as const);
  return coerceTexts(schema, Object.fromEntries(clamped));
}

function clampedText(schema: TSchema | undefined, text: unknown): unknown {
  const minimum: unknown = schema?.minimum;
  const maximum: unknown = schema?.maximum;
  if (typeof text !== 'string' || !/^-?\d{1,300}(\.\d{1,300})?$/.test(text)) {
    return text;
  }
  if (typeof minimum === 'number' && Number(text) < minimum) {
    return String(minimum);
  }
  return typeof maximum === 'number' && Number(text) > maximum ? String(maximum) : text;
}

/**
 * The body without optional fields that are null, which stands for "not given", and with words in the case of the schema.
 */
export function lenient(schema: TSchema, value: unknown): unknown {
  if (!isObject(value) || !isObject(schema.properties)) {
    return typeof value === 'string' ? wordOf(schema, value) : value;
  }
  const { properties } = schema;
  const required: unknown = schema.required;
  const isOptional = (name: string) =>
    Object.hasOwn(properties, name) && !(Array.isArray(required) && required.includes(name));
  const meansNotGiven = (name: string) => isOptional(name) && !takesNull(properties[name]);
  const given = Object.entries(value).filter(([name, field]) => field !== null || !meansNotGiven(name));
  return Object.fromEntries(
    given.map(([name, field]) => {
      const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
      return [name, isSchema(own) ? lenient(own, field) : field];
    }),
  );
}

/** Whether null is a value of its own in the schema. */
function takesNull(schema: unknown): boolean {
  return (
    isSchema(schema) &&
    Array.isArray(schema.anyOf) &&
    schema.anyOf.some((branch: unknown) => isSchema(branch) && branch.type === 'null')
  );
}

function wordOf(schema: TSchema, value: string): string {
  const words: unknown[] = Array.isArray(schema.anyOf)
    ? schema.anyOf.map((branch: unknown) => (isSchema(branch) ? branch.const : undefined))
    : [schema.const];
  const same = words.find((word) => typeof word === 'string' && word.toLowerCase() === value.toLowerCase());
  return typeof same === 'string' ? same : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSchema(value: unknown): value is TSchema {
  return isObject(value);
}
