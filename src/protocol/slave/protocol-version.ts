/**
 * The number of what slaves and the master say to each other. It rises with every change that the other side of an older
 * version would not understand or would refuse. Programs from before the number speak 1.
 */
export const PROTOCOL = 3;
/** The oldest one that the master still speaks. */
const OLDEST_PROTOCOL = 3;

/** Whether the master can speak with a slave of this protocol. */
export function isSpoken(protocol: number): boolean {
  return protocol >= OLDEST_PROTOCOL && protocol <= PROTOCOL;
}

/** Those that the master speaks, for a sentence. */
export const SPOKEN = `${PROTOCOL}`;
