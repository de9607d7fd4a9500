import { ClusterRunnerError, reasonWithoutPaths } from '../../../protocol/errors.js';

/**
 * A function that runs an action, and reports its system error as UNAVAILABLE: a full disk is no programming error, and
 * the sender keeps what it sends, to try again. `what` and `advice` complete the message.
 */
export function keeping(what: string, advice: string): <T>(action: () => Promise<T>) => Promise<T> {
  return async (action) => {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) {
        throw error;
      }
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `The master cannot keep ${what} on its disk (${reasonWithoutPaths(error)}); ${advice}.`,
        { cause: error },
      );
    }
  };
}
