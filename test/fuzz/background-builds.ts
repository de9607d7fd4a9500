import type { Cluster } from '../support/cluster.js';

export interface BackgroundBuilds {
  /** Lets the running one end. */
  stop(): Promise<{ readonly count: number; readonly violations: readonly string[] }>;
}

/** Runs one build after another. Each must end as if there were no fuzzer. */
export function runBackgroundBuilds(
  cluster: Cluster,
  env: Readonly<Record<string, string>>,
): BackgroundBuilds {
  const violations: string[] = [];
  let count = 0;
  let isOver = false;
  const running = (async () => {
    do {
      const { exitCode, stdout, stderr } = await cluster.build([], { env });
      count += 1;
      if (exitCode !== 0) {
        violations.push(`A background build ended with ${exitCode}: ${stdout}${stderr}`);
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
