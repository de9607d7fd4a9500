import type { TObject, TSchema } from '@sinclair/typebox';
import { Ajv, type ErrorObject } from 'ajv';
import { ClusterRunnerError } from '../../protocol/errors.js';

const ajv = new Ajv({ useDefaults: true, verbose: true });

/** What is checked, as the sentence of a refusal names it. */
export type Part = 'body' | 'query' | 'path' | 'report';

export type Check<T> = (value: unknown) => asserts value is T;

/**
 * Compiles a schema once. The check fills in defaults, and throws INVALID_REQUEST with a sentence that names
 * the field.
 */
export function compileCheck<T>(schema: TSchema, part: Part): Check<T> {
  const validate = ajv.compile<T>(schema);
  return (value: unknown): asserts value is T => {
    if (!validate(value)) {
      throw new ClusterRunnerError('INVALID_REQUEST', sentenceOf(validate.errors ?? [], part));
    }
  };
}

/** Numbers as they stand in a URL. Not `0x10`, `1e3`, ` 1` or `01`, which Number() would take. */
const NUMBERS: Readonly<Record<string, RegExp>> = {
  integer: /^(0|[1-9]\d{0,15})$/,
  number: /^(0|[1-9]\d{0,15})(\.\d{1,15})?$/,
};

/**
 * Texts of a URL become numbers where the schema asks for them. What is no number, or too large to be exact,
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

function sentenceOf(errors: readonly ErrorObject[], part: Part): string {
  // Of an alternative ajv reports what is wrong with each branch, and the alternative itself last.
  const error = errors.at(-1);
  if (error === undefined) {
    return `The ${part} of the request is not valid.`;
  }
  const place = `in the ${part} of the request`;
  const field = fieldOf(error.instancePath);
  switch (error.keyword) {
    case 'additionalProperties':
      return `Unknown field ${quote(join(field, String(error.params.additionalProperty)))} ${place}; ${known(error)}.`;
    case 'required':
      return `The field ${quote(join(field, String(error.params.missingProperty)))} is missing ${place}.`;
    case 'const':
      return `${subject(field, part)} must be ${JSON.stringify(error.params.allowedValue)}.`;
    case 'anyOf':
      return `${subject(field, part)} must be ${alternatives(errors, error)}.`;
    default:
      return `${subject(field, part)} ${error.message ?? 'is not valid'}.`;
  }
}

function subject(field: string, part: Part): string {
  return field === ''
    ? `The ${part} of the request`
    : `The field ${quote(field)} in the ${part} of the request`;
}

function known(error: ErrorObject): string {
  const names = Object.keys(error.parentSchema?.properties ?? {});
  return names.length === 0 ? 'none is allowed here' : `it may have ${names.join(', ')}`;
}

function alternatives(errors: readonly ErrorObject[], whole: ErrorObject): string {
  const branches = errors
    .filter((error) => error !== whole && error.instancePath === whole.instancePath)
    .map((error) =>
      error.keyword === 'const'
        ? JSON.stringify(error.params.allowedValue)
        : (error.message ?? '').replace('must be ', ''),
    );
  return branches.length === 0 ? 'one of its alternatives' : [...new Set(branches)].join(' or ');
}

/** `/config/commands/0` is shown as `config.commands.0`. */
function fieldOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');
}

function join(field: string, name: string): string {
  return field === '' ? name : `${field}.${name}`;
}

function quote(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}
