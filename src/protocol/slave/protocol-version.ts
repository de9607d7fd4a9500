/**
 * Version of the protocol between slaves and the master. It rises with every change that the other side of an older version
 * would misunderstand or refuse. Programs from before this number speak version 1.
 */
export const PROTOCOL = 3;
/** The oldest version that the master still speaks. */
const OLDEST_PROTOCOL = 3;

/** Whether the master speaks this version. */
export function isSpoken(protocol: number): boolean {
  return protocol >= OLDEST_PROTOCOL && protocol <= PROTOCOL;
}

/** The versions that the master speaks, for messages. */
export const SPOKEN = `${PROTOCOL}`;
