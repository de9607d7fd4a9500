/**
 * Everything that identifies a run whose verdict holds for another one, as digests in parts of which each can be compared. Two
 * runs with the same parts are runs of the same atom.
 */
export interface PassKeyParts {
  readonly job: string;
  /** The platform, variables and tools of the slave. */
  readonly surroundings: string;
  /** The atom, and the files that it depends on. */
  readonly inputs: string;
}

/** 192 bits each. */
const PART_LENGTH = 32;

export function passKey({ job, surroundings, inputs }: PassKeyParts): string {
  return [job, surroundings, inputs].map((digest) => digest.slice(0, PART_LENGTH)).join('.');
}

/** null for text that is no key. */
export function partsOfKey(key: string): PassKeyParts | null {
  const [job, surroundings, inputs, ...more] = key.split('.');
  return job === undefined || surroundings === undefined || inputs === undefined || more.length > 0
    ? null
    : { job, surroundings, inputs };
}
