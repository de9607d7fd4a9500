import { constants } from 'node:os';

const actions = new Set<() => void>();
let isWatching = false;

/**
 * Runs a synchronous action when this process ends: at its end, after an error, and at SIGINT and SIGTERM. The newest action
 * runs first. @returns a function that forgets the action
 */
export function atExit(action: () => void): () => void {
  if (!isWatching) {
    isWatching = true;
    watch();
  }
  actions.add(action);
  return () => actions.delete(action);
}

function watch(): void {
  process.once('exit', () => {
    for (const action of [...actions].reverse()) {
      action();
    }
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
}
