import { KindGuard, type TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { defaultsForMissingFields, isFields } from './older-responses.js';

/**
 * Adapts a response of a master of any version to the schema, at any depth. Unknown fields (STATUS, and those of a newer
 * master) are removed, and those that an older master does not send are filled in. A value of another form is left unchanged.
 */
export function pickKnownFields(schema: TSchema, sent: unknown): unknown {
  if (KindGuard.IsUnion(schema)) {
    for (const variant of schema.anyOf) {
      const read = pickKnownFields(variant, sent);
      if (Value.Check(variant, read)) {
        return read;
      }
    }
    return sent;
  }
  if (KindGuard.IsArray(schema)) {
    return Array.isArray(sent) ? sent.map((item: unknown) => pickKnownFields(schema.items, item)) : sent;
  }
  if (KindGuard.IsRecord(schema)) {
    const [values] = Object.values(schema.patternProperties);
    return isFields(sent) && values !== undefined
      ? Object.fromEntries(Object.entries(sent).map(([key, value]) => [key, pickKnownFields(values, value)]))
      : sent;
  }
  if (KindGuard.IsObject(schema) && isFields(sent)) {
    const fields = { ...defaultsForMissingFields(schema, sent), ...sent };
    return Object.fromEntries(
      Object.entries(schema.properties).flatMap(([key, property]) =>
        Object.hasOwn(fields, key) ? [[key, pickKnownFields(property, fields[key])]] : [],
      ),
    );
  }
  return sent;
}

/** Where a value first differs from the schema. */
export function firstProblem(schema: TSchema, value: unknown): string {
  const first = Value.Errors(schema, value).First();
  return first === undefined ? 'none' : `${first.path || 'the response'}: ${first.message}`;
}
