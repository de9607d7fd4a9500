import type { ErrorObject } from 'ajv';
import { textStart } from '../../../lib/text/text-ends.js';

/** The checked part of a request, as messages name it. */
export type Part = 'body' | 'query' | 'path' | 'report';

/** A message that names the first invalid field. @param errors of ajv with `verbose` */
export function validationMessage(errors: readonly ErrorObject[], part: Part): string {
  // For an alternative, ajv reports the errors of each branch first, and the alternative itself last.
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
      return alternativesMessage(errors, error, part);
    default:
      return `${subject(field, part)} ${error.message ?? 'is not valid'}.`;
  }
}

function alternativesMessage(errors: readonly ErrorObject[], whole: ErrorObject, part: Part): string {
  const meant = meantBranch(whole);
  if (meant === null) {
    return `${subject(fieldOf(whole.instancePath), part)} must be ${alternatives(errors, whole)}.`;
  }
  const ofIt = errors.filter(({ schemaPath }) => schemaPath.startsWith(`${whole.schemaPath}/${meant}/`));
  return validationMessage(ofIt, part);
}

/** The alternative that the sender most likely meant, by the fields given; null when no field tells. */
function meantBranch(whole: ErrorObject): number | null {
  const { data, schema } = whole;
  if (typeof data !== 'object' || data === null || !Array.isArray(schema)) {
    return null;
  }
  const shared = schema.map(
    (branch) => Object.keys(data).filter((name) => Object.hasOwn(branch?.properties ?? {}, name)).length,
  );
  const most = Math.max(...shared);
  return most === 0 ? null : shared.indexOf(most);
}

function alternatives(errors: readonly ErrorObject[], whole: ErrorObject): string {
  const branches = errors
    .filter((error) => error !== whole && error.instancePath === whole.instancePath)
    .map((error) => {
      switch (error.keyword) {
        case 'const':
          return JSON.stringify(error.params.allowedValue);
        case 'required':
          return `an object with the field ${quote(String(error.params.missingProperty))}`;
        default:
          return (error.message ?? '').replace('must be ', '');
      }
    });
  return branches.length === 0 ? 'one of its alternatives' : [...new Set(branches)].join(' or ');
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
  return JSON.stringify(name.length > 100 ? `${textStart(name, 100)}…` : name);
}
