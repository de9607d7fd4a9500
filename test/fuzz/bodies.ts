import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Random } from '../chaos/random.js';
import { hostileValue, mutated } from './hostile-values.js';

/**
 * JSON for a schema: close to valid, or far from it. Unless it may be valid it has an unknown field, so that no
 * request is one that somebody with the secret may well send: builds run meanwhile.
 */
export function bodyFor(random: Random, schema: TSchema, mayBeRight: boolean): Buffer {
  const kind = random.integer(0, 9);
  if (kind === 0) {
    return Buffer.from(Array.from({ length: random.integer(0, 200) }, () => random.integer(0, 255)));
  }
  if (kind === 1) {
    return Buffer.from('['.repeat(random.integer(1, 100_000)));
  }
  if (kind === 2) {
    return Buffer.from(`{"__proto__":{"status":"canceled"},"constructor":${random.integer(0, 9)}}`);
  }
  const sample = sampleOf(schema);
  if (mayBeRight && kind > 6) {
    return Buffer.from(JSON.stringify(sample));
  }
  const value = kind === 3 ? hostileValue(random) : mutated(random, sample);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const text = JSON.stringify(isObject ? { ...value, fuzz: true } : [value, 'fuzz']) ?? 'null';
  return Buffer.from(kind === 4 ? text.slice(0, random.integer(0, text.length)) : text);
}

/** A value that matches the schema; an empty object if a sample cannot be derived. */
function sampleOf(schema: TSchema): unknown {
  try {
    return Value.Create(schema);
  } catch {
    // A pattern or a format has no sample of its own.
    return {};
  }
}
