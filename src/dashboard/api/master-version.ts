import { computed, effect, signal } from '@preact/signals';
import type { ResponseOf } from '../../protocol/route.js';
import type { routes } from '../../protocol/routes.js';
import { getJson } from './api-calls.js';
import { ApiProblem } from './api-problem.js';
import { masterStatus } from './master-status.js';

/** The version of the master, and whether it only shows past builds; null until it is known. */
export const masterVersion = signal<ResponseOf<typeof routes.version> | null>(null);

/** Whether the master was that of one command, and has ended with its build. */
export const clusterHasEnded = computed(
  () => masterStatus.value === 'away' && masterVersion.value?.ends_with_build === true,
);

/** The URL of the master for commands; null where they cannot name it, since it ends with its build or has stopped. */
export function commandMaster(): string | null {
  const version = masterVersion.value;
  return version?.ends_with_build === true || version?.past_builds === true ? null : window.location.origin;
}

/** Asks for the version whenever the master responds again: it may be another one then. */
export function startVersion(): void {
  effect(() => {
    if (masterStatus.value === 'here') {
      loadVersion();
    }
  });
}

async function loadVersion(): Promise<void> {
  try {
    masterVersion.value = await getJson('/v1/version', { params: {} });
  } catch (error) {
    if (!(error instanceof ApiProblem)) {
      throw error;
    }
  }
}
