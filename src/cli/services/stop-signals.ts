/** Resolves with the name of the first signal that asks this process to end; a second one ends it at once. */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => onSignals([resolve]));
}

/** The first signal and the second, for a process that needs two steps to end; a third ends it at once. */
export function untilStoppedTwice(): [first: Promise<NodeJS.Signals>, second: Promise<NodeJS.Signals>] {
  const handlers: ((signal: NodeJS.Signals) => void)[] = [];
  const first = new Promise<NodeJS.Signals>((resolve) => handlers.push(resolve));
  const second = new Promise<NodeJS.Signals>((resolve) => handlers.push(resolve));
  onSignals(handlers);
  return [first, second];
}

function onSignals(handlers: readonly ((signal: NodeJS.Signals) => void)[]): void {
  let count = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    const handler = handlers[count];
    count += 1;
    if (handler === undefined) {
      process.exit(signal === 'SIGINT' ? 130 : 143);
    }
    handler(signal);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
