import { createHash } from 'node:crypto';

/** SHA-256 in base64url. The length of each field precedes it, so that two lists with the same digest are the same list. */
export function digestOfFields(fields: Iterable<string>): string {
  const hash = createHash('sha256');
  for (const field of fields) {
    hash.update(`${Buffer.byteLength(field)}:`).update(field);
  }
  return hash.digest('base64url');
}
