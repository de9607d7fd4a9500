import type { MasterClient } from '../../src/client/index.js';
import type { Build } from '../../src/protocol/build/build.js';
import type { BuildId } from '../../src/protocol/ids.js';

/** Waits for the end of a build, with few requests. @throws Error unless it is a success */
export async function untilEnded(client: MasterClient, id: BuildId): Promise<Build> {
  for (;;) {
    const watch = { waitSeconds: 20, until: 'end', etag: null } as const;
    const { build } = await client.watchBuild(id, watch, { timeoutSeconds: 300 });
    if (build !== null && build.result !== null) {
      if (build.result !== 'SUCCESS') {
        throw new Error(`The build ended as ${build.state}: ${build.error_message}`);
      }
      return build;
    }
  }
}
