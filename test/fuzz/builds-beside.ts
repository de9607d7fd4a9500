import type { Cluster } from '../support/cluster.js';

export interface BuildsBeside {
  /** Lets the running one end. */
  stop(): Promise<{ readonly count: number; readonly violations: readonly string[] }>;
}

/** Runs one build after another. Each must end as if there were no fuzzer. */
export function buildsBeside(cluster: Cluster, env: Readonly<Record<string, string>>): BuildsBeside {
  const violations: string[] = [];
  let count = 0;
  let isOver = false;
  const running = (async () => {
    do {
      const { exitCode, stdout, stderr } = await cluster.build([], { env });
      count += 1;
      if (exitCode !== 0) {
        violations.push(`A build beside it ended with ${exitCode}: ${stdout}${stderr}`);
      }
    } while (!isOver && violations.length === 0);
  })();
  return {
    stop: async () => {
      isOver = true;
      await running;
      return { count, violations };
    },
  };
}
