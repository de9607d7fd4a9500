/** The code of an error of the system or of Node, such as ENOENT; undefined for anything else. */
export function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = errorCode(error);
  return typeof code === 'string' && codes.includes(code);
}

/** Returns the result of `act`; null when it fails with one of these codes. */
export function nullOn<T>(codes: readonly string[], act: () => T): T | null {
  try {
    return act();
  } catch (error) {
    if (hasCode(error, ...codes)) {
      return null;
    }
    throw error;
  }
}

/** Returns the result of `read`; null when the file or folder does not exist. */
export function ifPresent<T>(read: () => T): T | null {
  return nullOn(['ENOENT'], read);
}

export async function ifPresentAsync<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return null;
    }
    throw error;
  }
}

/** Whether `act` is done; false when it fails with this code. */
export function succeedsUnless(code: string, act: () => void): boolean {
  return nullOn([code], act) !== null;
}
